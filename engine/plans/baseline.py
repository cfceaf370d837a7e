"""What graphs are built from, and what their plans are held against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ..base import Arrays, Engine
from .measure import Speed
from .parity import Parity
from .profiles import Profile


class Baseline(Protocol):
    """Graphs in float32 on onnxruntime, each by its stage: what plans of them are built from and held against."""

    max_batch: int
    threads: int | None
    speed: dict[str, Speed]

    @property
    def root(self) -> Path:
        """The folder in whose `engines` plans are kept."""
        ...

    def graph(self, stage: str) -> Path: ...

    def graph_sha256(self, stage: str) -> str: ...

    def profiles(self, stage: str) -> list[Profile]:
        """The sizes of each input."""
        ...

    def calibration(self, stage: str) -> list[Arrays]:
        """Batches of inputs that precisions are fitted to."""
        ...

    def compare(self, stage: str, engine: Engine) -> Parity:
        """How far the stage on `engine` agrees with float32."""
        ...

    def timed(self, stage: str) -> Mapping[int, Arrays]:
        """Inputs that are timed, by their number of rows."""
        ...
