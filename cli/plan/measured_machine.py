"""What one machine does, from reports of `asksight bench --json`, or measured here and now."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .plan_errors import PlanError
from .queueing import Machine, Mix

PER_CENTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
CALLERS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # from alone to so many that the machine is never idle
FOLLOW_UPS = (0.0, 0.5, 0.8, 1.0)  # shares of asks about known photos; new and known ones hold each other up
SECONDS = 2.5
WARM_UP_S = 0.5
FEATURE_BYTES = 4  # float32
WANTED = (
    "Plan needs a report of asksight bench --callers 1,2,4,8,16,32,64 --json, one more with --follow-ups 1, and better "
    "two more, with 0.5 and 0.8. Without any it measures by itself."
)


def measure_machine(
    model: str, say: Callable[[str], None], *, seconds: float = SECONDS, warm_up_s: float = WARM_UP_S
) -> Machine:
    """Serve a bundle here and ask it, most of a minute. Raises BenchError."""
    from ..bench.load import Load
    from ..bench.material import read_material
    from ..bench.measure import measure
    from ..bench.table import as_fields
    from ..bench.target import Target

    material = read_material(None, None)
    reports = []
    for follow_ups in FOLLOW_UPS:
        load = Load(loop="closed", steps=CALLERS, warm_up_s=warm_up_s, seconds=seconds, follow_ups=follow_ups)
        measured, rows = measure(Target(model=model), load, material, say)
        reports.append(as_fields(measured, load, material, rows))
    return machine_of(reports)


def read_machine(files: Iterable[Path]) -> Machine:
    """Read the reports. Raises PlanError, which names the file."""
    reports = []
    for file in files:
        try:
            report = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PlanError(f"{file} cannot be read: {error}. {WANTED}") from error
        if not isinstance(report, dict) or not {"load", "rows", "server"} <= report.keys():
            raise PlanError(f"{file} is no report of asksight bench --json. {WANTED}")
        reports.append(report)
    try:
        return machine_of(reports)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise PlanError(f"A report has other fields than asksight bench --json writes. {WANTED}") from error


def machine_of(reports: Iterable[Mapping[str, Any]]) -> Machine:
    """From the reports' closed loops: new photos alone, follow-ups alone, and mixes of them. Raises PlanError."""
    mixes: dict[float, Mix] = {}
    models = set()
    for report in reports:
        models.add(tuple(report["server"].get(name) for name in ("model", "engine", "precision")))
        follow_ups = float(report["load"]["follow_ups"])
        mixes[follow_ups] = _mix(follow_ups, report["rows"])
    if not {0.0, 1.0} <= set(mixes):
        seen = ", ".join(f"{one:.0%}" for one in sorted(mixes)) or "none"
        raise PlanError(
            f"There are reports of follow-ups {seen}; 0% and 100% have to be among them. {WANTED}"
        )
    if len(models) > 1:
        raise PlanError(f"The reports are of several models or engines: {sorted(map(str, models))}.")
    return Machine(mixes=tuple(mixes[one] for one in sorted(mixes)))


def _mix(follow_ups: float, rows: Iterable[Mapping[str, Any]]) -> Mix:
    closed = sorted((row for row in rows if row.get("callers")), key=lambda row: float(row["callers"]))
    callers = tuple(float(row["callers"]) for row in closed)
    if len(set(callers)) < len(callers) or len(callers) < 2 or callers[0] != 1:
        raise PlanError(f"A report lacks a row of 1 caller, or others of more. {WANTED}")
    if not all(row["asks_per_s"] > 0 for row in closed):
        raise PlanError("A report has a row without an answer. Measure again.")
    return Mix(
        cached=follow_ups,
        callers=callers,
        asks_per_s=tuple(float(row["asks_per_s"]) for row in closed),
        quantiles=(0.0, *PER_CENTS.values()),
        latency_ms=tuple(_quantiles(row["latency_ms"]) for row in closed),
    )


def _quantiles(latency_ms: Mapping[str, float]) -> tuple[float, ...]:
    known = [float(latency_ms[name]) for name in PER_CENTS]
    least_ms = max(0.0, 2 * known[0] - known[1])  # as far below the median as p90 is above it
    return (least_ms, *known)


def kept_photos(feature_shape: Sequence[int], cache_bytes: int) -> float:
    """How many photos a server's cache of that size keeps."""
    from asksight.server.core.cache import ENTRY_BYTES

    return cache_bytes / (math.prod(feature_shape) * FEATURE_BYTES + ENTRY_BYTES)
