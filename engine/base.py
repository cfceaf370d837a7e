"""One small Protocol that every engine satisfies: named arrays in, named arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One named array: its shape, None where a size is free, and its NumPy dtype."""

    name: str
    shape: tuple[int | None, ...]  # the first is the batch
    dtype: np.dtype[Any]


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """What an engine takes and gives, and how many rows at most in one call."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_batch: int
    # More rows run so many at a time, which is as quick: a queue loses nothing by taking no more. None: all at once.
    slice_rows: int | None = None
    every_size_is_new: bool = False  # whether the first call at each batch size is slower than later ones


class Engine(Protocol):
    """A loaded graph. `infer` is called by one thread at a time, not always the same."""

    @property
    def spec(self) -> EngineSpec: ...

    @property
    def name(self) -> str:
        """As in "onnxruntime"."""
        ...

    @property
    def precision(self) -> str:
        """As in "float32"."""
        ...

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Run one batch; row i of every output belongs to row i of every input.

        Raises EngineError when the inputs do not fit `spec` or the engine fails.
        """
        ...

    def close(self) -> None:
        """Give the memory back; the engine is not used afterwards."""
        ...
