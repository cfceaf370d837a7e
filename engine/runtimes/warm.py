"""First calls are slow (memory is taken, kernels are chosen): make them before anybody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Engine, EngineSpec

FREE_SIZE = 8  # tokens of an ordinary question; stands for every free axis but the batch
# For what comes after the first row, of each engine. It is over the 0.2 s that 32 rows of the tutorial's LSTM seem to
# need by the first of them, and under the 0.6 s of four photos in VGG16, whose start it would delay by a quarter.
WITHIN_S = 0.3


def warm_up(engine: Engine, batch_sizes: Iterable[int]) -> None:
    """Run one batch of ones at each size. Raises what `infer` raises."""
    for rows in batch_sizes:
        engine.infer(ones(engine.spec, rows))


def warm_within(
    engine: Engine,
    max_batch: int,
    *,
    seconds: float = WITHIN_S,
    clock: Callable[[], float] = time.perf_counter,
) -> list[int]:
    """Run the sizes of `sizes` until the time is up; return those that were not run.

    The first is always run. A size is left out where, by the quickest row so far, it would take too long.
    Raises what `infer` raises.
    """
    first, *others = sizes(engine.spec, max_batch)
    started_s = clock()
    warm_up(engine, [first])
    left_s, row_s = seconds, (clock() - started_s) / first
    left_out = []
    for rows in others:
        if rows * row_s > left_s:
            left_out.append(rows)
            continue
        started_s = clock()
        warm_up(engine, [rows])
        took_s = clock() - started_s
        left_s, row_s = left_s - took_s, min(row_s, took_s / rows)
    return left_out


def sizes(spec: EngineSpec, max_batch: int) -> Sequence[int]:
    """The batch sizes whose first call is the slow one, the dearest first: one row, then what takes most memory."""
    largest = min(max_batch, spec.max_batch, spec.slice_rows or spec.max_batch)
    others = range(2, largest) if spec.every_size_is_new else ()
    return list(dict.fromkeys((1, largest, *others)))


def ones(spec: EngineSpec, rows: int) -> dict[str, NDArray[Any]]:
    """Return a batch that an engine takes, of ones."""
    return {
        tensor.name: np.ones((rows, *(size or FREE_SIZE for size in tensor.shape[1:])), tensor.dtype)
        for tensor in spec.inputs
    }
