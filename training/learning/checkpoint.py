"""Saves a training run's variables, so that a run that is stopped or killed loses one step, or little more.

A save follows a step once twenty times the duration of a save has passed since the last one: after every step where
steps are that long, else after several. So saving takes less than 5 % of the time.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .state_files import StateFiles

REST = 20  # the pause between saves, in durations of a save: saving takes under 5 % of the time
_SYNCED_REST = 200  # likewise for saves that wait for the disk: under 0.5 %


class Pace:
    """Says when something may be done again: after a rest of `rest` times as long as it took."""

    def __init__(self, rest: float, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._rest, self._clock = rest, clock
        self._ended, self._took = clock(), [0.0, 0.0]

    @property
    def due(self) -> bool:
        # The shorter of the last two, so that one that was held up does not hold up the next.
        return self._clock() - self._ended >= self._rest * min(self._took)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure how long the block takes; the rest begins when it ends."""
        started = self._clock()
        yield
        self._ended = self._clock()
        self._took = [self._took[1], self._ended - started]


class Checkpoint:
    """A training's variables in its run folder, as files that are held until close()."""

    def __init__(self, folder: Path, variables: Sequence[Any]) -> None:
        """Raises TrainingError while another process holds the folder."""
        self._variables = variables
        self._like = [(tuple(v.shape), np.dtype(v.dtype)) for v in variables]
        told = json.dumps([(shape, dtype.name) for shape, dtype in self._like])
        self._files = StateFiles(folder, zlib.crc32(told.encode()))
        # All at once, which is quicker than asking each, and without a copy.
        self._read = tf.function(lambda: [tf.convert_to_tensor(v.value) for v in variables])
        self._often, self._seldom = Pace(REST), Pace(_SYNCED_REST)
        self.step = 0  # of the last save

    def restore(self) -> tuple[int, float | None] | None:
        """Put back the variables of the last save; its step and its loss, or None where there is none.

        Raises TrainingError for a state of another model.
        """
        state = self._files.newest()
        if state is None:
            return None
        at = 0
        for variable, (shape, dtype) in zip(self._variables, self._like, strict=True):
            count = int(np.prod(shape, dtype=np.int64))
            variable.assign(np.frombuffer(state.content, dtype, count, at).reshape(shape))
            at += count * dtype.itemsize
        self.step = state.step
        return state.step, None if isnan(state.loss) else state.loss

    def read(self) -> list[memoryview]:
        """What the variables are now; steps write elsewhere while these live."""
        return [memoryview(tensor) for tensor in self._read()]

    def save_if_due(self, step: int, loss: float | None) -> None:
        """Save, if enough time has passed since the last save."""
        if self._often.due:
            self.save(step, loss)

    def save(self, step: int, loss: float | None, *, sync: bool = False) -> bool:
        """Save, unless some number is not finite: then the last save stays, and the answer is False.

        With `sync`, and now and then without it, wait for the disk, so that it outlives a loss of power.
        """
        told = nan if loss is None else loss
        with self._often.measured():
            parts = self.read()
            if not all(_finite(part) for part in parts):
                return False
            self._files.write(step, told, parts)
            self.step = step
        if sync or self._seldom.due:
            with self._seldom.measured():
                self._files.write_synced(step, told, parts)
        return True

    def close(self) -> None:
        self._files.close()


def _finite(part: memoryview) -> bool:
    """Whether all numbers are; one sum tells, which is quicker than asking each."""
    numbers = np.asarray(part)
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.dtype.kind != "f" or bool(np.isfinite(numbers.sum(dtype=np.float64)))
