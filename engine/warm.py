"""First calls are slow (memory is taken, kernels are chosen): make them before anybody waits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .base import Engine

FREE_SIZE = 8  # tokens of an ordinary question; stands for every free axis but the batch


def warm_up(engine: Engine, batch_sizes: Iterable[int]) -> None:
    """Run one batch of ones at each size. Raises what `infer` raises."""
    for rows in batch_sizes:
        engine.infer(
            {
                tensor.name: np.ones((rows, *(size or FREE_SIZE for size in tensor.shape[1:])), tensor.dtype)
                for tensor in engine.spec.inputs
            }
        )
