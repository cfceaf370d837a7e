"""From what was counted to the figures of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .tally import OK, UNANSWERED, Tally

PER_MILLE = {"p50": 500, "p90": 900, "p99": 990, "p99_9": 999, "max": 1000}
EDGES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
FULL_CORE = 0.85  # from here on the loop of this process is what asks wait for, now and then
BUSY = "This process took {share:.0%} of a core: it, not the server, may be the bound. Ask less, or from two machines."
LATE = "Asks began {late:.1f} ms late (p99), over half of what they took: this machine may be the bound."


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Processor time of a window, in seconds of one core; the server's is None where it is not known."""

    lasted_s: float
    generator_s: float
    server_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """The figures of one step. The names are those of --json."""

    callers: int | None
    rate: float | None
    asks: int  # that were due in the window
    asks_per_s: float  # answered
    latency_ms: dict[str, float | None]  # None where no ask has one
    new_ms: dict[str, float | None]  # the same of asks about new photos
    follow_up_ms: dict[str, float | None]  # and of follow-ups
    late_ms: dict[str, float | None]
    failed: dict[str, int]  # asks, by gRPC status code
    verdicts: dict[str, int]
    resent: int
    generator_cpu: float  # share of one core
    server_cpu_ms: float | None  # for each answer
    histogram: list[tuple[int | None, int]]  # up to so many milliseconds (None: more), so many asks
    notes: list[str]


def percentile(ordered: Sequence[float] | NDArray[np.float64], per_mille: int) -> float:
    """Give the smallest value that so many of a thousand do not exceed (nearest rank); `ordered` is not empty."""
    return float(ordered[max(0, -(-per_mille * len(ordered) // 1000) - 1)])


def histogram(ordered_ms: NDArray[np.float64]) -> list[tuple[int | None, int]]:
    """Count what is up to each edge and above the one before; the last is what is above all."""
    up_to = [0, *np.searchsorted(ordered_ms, EDGES_MS, side="right").tolist(), len(ordered_ms)]
    counts = [after - before for before, after in pairwise(up_to)]
    return list(zip((*EDGES_MS, None), counts, strict=True))


def make_row(
    tally: Tally, usage: Usage, *, callers: int | None = None, rate: float | None = None
) -> StepFigures:
    """Put the figures of one step together; it has callers or a rate."""
    order = np.argsort(tally.latency_s)
    latency_ms, late_ms = 1000 * np.array(tally.latency_s)[order], 1000 * np.sort(tally.late_s)
    follow_up = np.array(tally.follow_up, dtype=bool)[order]
    latency = _percentiles(latency_ms, PER_MILLE)
    late = _percentiles(late_ms if rate is not None else late_ms[:0], {"p99": 990, "max": 1000})
    share = usage.generator_s / usage.lasted_s
    notes = [BUSY.format(share=share)] if share >= FULL_CORE else []
    if late["p99"] is not None and latency["p99"] is not None and 2 * late["p99"] > latency["p99"]:
        notes.append(LATE.format(late=late["p99"]))
    asks_per_s = tally.answered / (tally.ends_s - tally.begins_s)
    server_cpu_ms = None
    if usage.server_s is not None and asks_per_s:
        server_cpu_ms = 1000 * usage.server_s / usage.lasted_s / asks_per_s
    return StepFigures(
        callers=callers,
        rate=rate,
        asks=tally.codes.total(),
        asks_per_s=asks_per_s,
        latency_ms=latency,
        new_ms=_percentiles(latency_ms[~follow_up], PER_MILLE),
        follow_up_ms=_percentiles(latency_ms[follow_up], PER_MILLE),
        late_ms=late,
        failed={code: count for code, count in sorted(tally.codes.items()) if code != OK},
        verdicts=dict(sorted(tally.verdicts.items())),
        resent=tally.resent,
        generator_cpu=share,
        server_cpu_ms=server_cpu_ms,
        histogram=histogram(latency_ms),
        notes=notes,
    )


def unanswered(row: StepFigures) -> int:
    """How many of its latencies are timeouts, and so at least that long."""
    return sum(row.failed.get(code, 0) for code in UNANSWERED)


def _percentiles(ordered: NDArray[np.float64], wanted: dict[str, int]) -> dict[str, float | None]:
    return {name: percentile(ordered, rank) if len(ordered) else None for name, rank in wanted.items()}
