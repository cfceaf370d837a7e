"""A weight that is read when it is written, so that a large model is never in memory whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LazyWeight:
    """float32 numbers of a known shape; `read` gives them and may raise what reading raises."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[np.float32]]

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return np.dtype(np.float32)

    @property
    def nbytes(self) -> int:
        return 4 * prod(self.shape)

    def changed(
        self, change: Callable[[NDArray[np.float32]], NDArray[Any]], shape: Sequence[int]
    ) -> LazyWeight:
        """This weight after `change`, which gives `shape`."""
        return LazyWeight(tuple(shape), lambda: np.ascontiguousarray(change(self.read()), np.float32))


def numbers(weight: NDArray[Any] | LazyWeight) -> NDArray[Any]:
    """The array itself, contiguous."""
    if not isinstance(weight, LazyWeight):
        return weight
    array = np.ascontiguousarray(weight.read(), np.float32)
    if array.shape != weight.shape:
        raise ValueError(f"A weight of shape {weight.shape} was read as {array.shape}.")
    return array
