"""Scalars for TensorBoard, written without TensorBoard: TensorFlow's own tf.summary.scalar needs it installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf


class EventLog:
    """One run's curves in a folder of its own; a run that goes on adds a file there."""

    def __init__(self, folder: Path | None) -> None:
        """None: nothing is written."""
        self._writer = None if folder is None else tf.summary.create_file_writer(str(folder))
        self._metadata = tf.compat.v1.SummaryMetadata()
        self._metadata.plugin_data.plugin_name = "scalars"

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        if self._writer is None:
            return
        with self._writer.as_default():
            for name, value in scalars.items():
                number = tf.constant(value, tf.float32)
                tf.summary.write(name, number, step=step, metadata=self._metadata)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
