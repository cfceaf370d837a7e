"""What one machine does, from reports of `asksight bench --json`, or measured here and now."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .plan_errors import PlanError
from .queueing import Kind, Machine

PER_CENTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
CALLERS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # from alone to so many that the machine is never idle
SECONDS = 3.0
WARM_UP_S = 0.5
FEATURE_BYTES = 4  # float32
WANTED = (
    "Plan needs two reports: asksight bench --callers 1,2,4,8,16,32,64 --json, and the same with --follow-ups 1. "
    "Without any it measures by itself."
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
    for follow_ups in (0.0, 1.0):
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
    return machine_of(reports)


def machine_of(reports: Iterable[Mapping[str, Any]]) -> Machine:
    """From the reports' closed loops: one about new photos alone, one of follow-ups alone. Raises PlanError."""
    kinds: dict[float, Kind] = {}
    models = set()
    for report in reports:
        models.add(tuple(report["server"].get(name) for name in ("model", "engine", "precision")))
        kinds[float(report["load"]["follow_ups"])] = _kind(report["rows"])
    if set(kinds) != {0.0, 1.0}:
        seen = ", ".join(f"{one:.0%}" for one in sorted(kinds)) or "none"
        raise PlanError(
            f"There are reports of follow-ups {seen}; one of 0% and one of 100% are needed. {WANTED}"
        )
    if len(models) > 1:
        raise PlanError(f"The reports are of several models or engines: {sorted(map(str, models))}.")
    return Machine(new=kinds[0.0], known=kinds[1.0])


def _kind(rows: Iterable[Mapping[str, Any]]) -> Kind:
    closed = sorted((row for row in rows if row.get("callers")), key=lambda row: float(row["callers"]))
    callers = tuple(float(row["callers"]) for row in closed)
    if len(set(callers)) < len(callers) or len(callers) < 2 or callers[0] != 1:
        raise PlanError(f"A report lacks a row of 1 caller, or others of more. {WANTED}")
    if not all(row["asks_per_s"] > 0 for row in closed):
        raise PlanError("A report has a row without an answer. Measure again.")
    return Kind(
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
