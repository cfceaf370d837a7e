"""How fast an engine is: the latency of one row, and the batch that gives most rows a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from ..base import Arrays, Engine

BUDGET_S = 1.0  # a batch size, after one run that is not counted
LONGEST_S = 6.0  # of one run, by what smaller batches take: larger ones are not tried


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Measured on sample inputs; the median of the runs."""

    latency_ms: float  # of a batch of one
    best_batch: int
    best_latency_ms: float
    rows_per_s: float  # at the best batch


def measure(
    engine: Engine,
    batches: Mapping[int, Arrays],
    *,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Time `batches` (inputs by number of rows, one of them 1). Raises what `infer` raises."""
    took: dict[int, float] = {}
    for rows in sorted(batches):
        if took and rows * min(one / size for size, one in took.items()) > LONGEST_S:
            break
        took[rows] = _median_s(engine, batches[rows], budget_s, clock)
    best = max(took, key=lambda rows: rows / took[rows])
    return Speed(
        latency_ms=1e3 * took[1],
        best_batch=best,
        best_latency_ms=1e3 * took[best],
        rows_per_s=best / took[best],
    )


def _median_s(engine: Engine, arrays: Arrays, budget_s: float, clock: Callable[[], float]) -> float:
    engine.infer(arrays)
    runs: list[float] = []
    end = clock() + budget_s
    while len(runs) < 2 or (clock() < end and len(runs) < 200):
        started = clock()
        engine.infer(arrays)
        runs.append(clock() - started)
    return median(runs)


def batch_sizes(max_batch: int) -> list[int]:
    """1, 8, and so on up to the largest: enough to find the best without an evening's work."""
    return sorted({size for size in (1, 8, 16, 32, 64) if size < max_batch} | {1, max_batch})
