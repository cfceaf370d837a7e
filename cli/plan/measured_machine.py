"""What one machine does, from reports of `asksight bench --json`, or measured here and now."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .plan_errors import PlanError
from .queueing import Kind, Machine, Mix

PER_CENTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
CALLERS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # from alone to so many that the machine is never idle
FOLLOW_UPS = (0.0, 0.5, 0.8, 1.0)  # shares of asks about known photos; new and known ones hold each other up
SECONDS = 2.5
WARM_UP_S = 0.5
FEATURE_BYTES = 4  # float32
MOST = 1e12  # of any figure in a report
WANTED = (
    "Plan needs a report of asksight bench --callers 1,2,4,8,16,32,64 --json, one more with --follow-ups 1, and better "
    "two more, with 0.5 and 0.8. Without any it measures by itself."
)


def measure_machine(
    model: str,
    say: Callable[[str], None],
    *,
    callers: tuple[float, ...] = CALLERS,
    seconds: float = SECONDS,
    warm_up_s: float = WARM_UP_S,
) -> Machine:
    """Serve a bundle here and ask it, a minute and a half. Raises BenchError."""
    from ..bench.load import Load
    from ..bench.material import read_material
    from ..bench.measure import measure
    from ..bench.table import as_fields
    from ..bench.target import Target

    material = read_material(None, None)
    reports = []
    for follow_ups in FOLLOW_UPS:
        load = Load(loop="closed", steps=callers, warm_up_s=warm_up_s, seconds=seconds, follow_ups=follow_ups)
        measured, rows = measure(Target(model=model), load, material, say)
        reports.append(as_fields(measured, load, material, rows))
    return machine_of(reports)


def read_machine(files: Iterable[Path]) -> Machine:
    """Read the reports. Raises PlanError, which names the file where it cannot be read."""
    reports = []
    for file in files:
        try:
            report = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise PlanError(f"{file} cannot be read: {error}. {WANTED}") from error
        if not isinstance(report, dict) or not {"load", "rows", "server"} <= report.keys():
            raise PlanError(f"{file} is no report of asksight bench --json. {WANTED}")
        reports.append(report)
    return machine_of(reports)


def machine_of(reports: Iterable[Mapping[str, Any]]) -> Machine:
    """From the reports' closed loops: new photos alone, follow-ups alone, and mixes of them. Raises PlanError."""
    mixes: dict[float, Mix] = {}
    models = set()
    for report in reports:
        server = _fields(report, "server")
        models.add(tuple(str(server.get(name)) for name in ("model", "engine", "precision")))
        follow_ups = _number(_fields(report, "load"), "follow_ups")
        mixes[follow_ups] = _mix(follow_ups, report["rows"])
    if not {0.0, 1.0} <= set(mixes):
        seen = ", ".join(f"{one:.0%}" for one in sorted(mixes)) or "none"
        raise PlanError(
            f"There are reports of follow-ups {seen}; 0% and 100% have to be among them. {WANTED}"
        )
    if len(models) > 1:
        raise PlanError(f"The reports are of several models or engines: {sorted(map(str, models))}.")
    return Machine(mixes=tuple(mixes[one] for one in sorted(mixes)))


def _mix(follow_ups: float, rows: Any) -> Mix:
    if not 0 <= follow_ups <= 1:
        raise PlanError(f"A report's follow_ups is {follow_ups:g}; a share is 0 to 1. {WANTED}")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PlanError(f"A report's rows are no list of objects. {WANTED}")
    closed = sorted(
        (row for row in rows if row.get("callers") is not None), key=lambda row: _number(row, "callers")
    )
    callers = tuple(_number(row, "callers") for row in closed)
    if len(set(callers)) < len(callers) or len(callers) < 2 or callers[0] != 1:
        raise PlanError(f"A report lacks a row of 1 caller, or others of more. {WANTED}")
    answered = tuple(_number(row, "asks_per_s") for row in closed)
    if min(answered) <= 0:
        raise PlanError("A report has a row without an answer. Measure again.")
    shares = {"new_ms": 1 - follow_ups, "follow_up_ms": follow_ups}
    return Mix(
        cached=follow_ups,
        callers=callers,
        asks_per_s=answered,
        quantiles=(0.0, *PER_CENTS.values()),
        kinds=tuple(
            Kind(share=share, latency_ms=tuple(_quantiles(_fields(row, kind)) for row in closed))
            for kind, share in shares.items()
            if share > 0
        ),
    )


def _quantiles(latency_ms: Mapping[str, Any]) -> tuple[float, ...]:
    known = [_number(latency_ms, name) for name in PER_CENTS]
    least_ms = max(0.0, 2 * known[0] - known[1])  # as far below the median as p90 is above it
    return (least_ms, *known)


def _fields(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    if not isinstance(found, dict):
        raise PlanError(f"A report lacks {name}, or it is no object. {WANTED}")
    return found


def _number(of: Mapping[str, Any], name: str) -> float:
    found = of.get(name)
    if found is None:
        raise PlanError(f"A report lacks {name}, or no ask was answered in time for it. {WANTED}")
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < MOST:
        raise PlanError(f"A report's {name} is {found!r}, which is no number of it. {WANTED}")
    return float(found)


def kept_photos(feature_shape: Sequence[int], cache_bytes: int) -> float:
    """How many photos a server's cache of that size keeps."""
    from asksight.server.core.cache import ENTRY_BYTES

    return cache_bytes / (math.prod(feature_shape) * FEATURE_BYTES + ENTRY_BYTES)
