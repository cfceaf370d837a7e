"""First calls are slow (memory is taken, kernels are chosen): make them before anybody waits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Engine, EngineSpec

FREE_SIZE = 8  # tokens of an ordinary question; stands for every free axis but the batch


def warm_up(engine: Engine, batch_sizes: Iterable[int]) -> None:
    """Run one batch of ones at each size. Raises what `infer` raises."""
    for rows in batch_sizes:
        engine.infer(ones(engine.spec, rows))


def ones(spec: EngineSpec, rows: int) -> dict[str, NDArray[Any]]:
    """Return a batch that an engine takes, of ones."""
    return {
        tensor.name: np.ones((rows, *(size or FREE_SIZE for size in tensor.shape[1:])), tensor.dtype)
        for tensor in spec.inputs
    }
