"""The report as lines for people and as one JSON object; a row is known when its step is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .figures import StepFigures, unanswered
from .load import Load
from .material import Material

NOT_MS = "-"
MIX = "{photos} photos, {questions} questions, follow-ups {follow_ups:.0%}"
RESENT = "{count:,} follow-ups found their photo forgotten, and sent it again; both ways count."
NEVER_NEW = (
    "{count} of {all} photos, as {name}, are no whole JPEG, PNG or WebP: they go as they are, new only once."
)


@dataclass(frozen=True, kw_only=True)
class MeasuredServer:
    """What answers; the names are those of --json."""

    address: str
    model: str  # as in "scenes 0.2.0"
    engine: str
    precision: str
    own: bool  # started for this
    pid: int | None


def head(measured: MeasuredServer, load: Load, material: Material) -> list[str]:
    """The lines before the rows."""
    where = f"{measured.address}, a server of its own" if measured.own else measured.address
    mix = MIX.format(
        photos=len(material.photos), questions=len(material.questions), follow_ups=load.follow_ups
    )
    lines = [
        f"{measured.model} on {measured.engine} {measured.precision} at {where}",
        f"{mix}; {load.seconds:g} s a row after {load.warm_up_s:g} s",
    ]
    if never_new := material.never_new:
        lines.append(
            "Note: " + NEVER_NEW.format(count=len(never_new), all=len(material.photos), name=never_new[0])
        )
    step = "callers" if load.loop == "closed" else "rate/s"
    names = ("asks/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "failed", "own CPU", "server ms")
    return [*lines, "", f"{step:>8}" + "".join(f"{name:>11}" for name in names)]


def row_lines(row: StepFigures) -> Iterator[str]:
    """A row of the table, and below it what went wrong."""
    step = f"{row.callers}" if row.callers is not None else f"{row.rate:g}"
    failed = sum(row.failed.values())
    cells = [f"{row.asks_per_s:,.0f}" if row.asks_per_s >= 10 else f"{row.asks_per_s:.1f}"]
    cells += _latencies(row)
    cells += [f"{failed:,}", f"{row.generator_cpu:.0%}"]
    cells.append(NOT_MS if row.server_cpu_ms is None else f"{row.server_cpu_ms:.2f}")
    yield f"{step:>8}" + "".join(f"{cell:>11}" for cell in cells)
    if failed:
        codes = ", ".join(f"{code} {count:,}" for code, count in row.failed.items())
        yield f"{'':>8}  failed: {codes}"
    if row.resent:
        yield f"{'':>8}  {RESENT.format(count=row.resent)}"
    for note in row.notes:
        yield f"{'':>8}  Note: {note}"


def _latencies(row: StepFigures) -> Iterator[str]:
    """Each percentile; those that are timeouts, and so too small, with the sign for that."""
    longest = row.latency_ms["max"]
    for one in row.latency_ms.values():
        if one is None:
            yield NOT_MS
            continue
        text = f"{one:.1f}" if one < 1000 else f"{one:,.0f}"
        yield f"≥{text}" if unanswered(row) and one == longest else text


def foot(rows: Sequence[StepFigures]) -> list[str]:
    """The lines after the rows: what the columns mean, and what was answered."""
    verdicts: Counter[str] = Counter()
    for row in rows:
        verdicts.update(row.verdicts)
    said = ", ".join(f"{verdict} {count:,}" for verdict, count in verdicts.items()) or "none"
    lines = ["", f"Answers: {said}."]
    lines.append(
        "Own CPU: of the process that asks, in parts of a core. Server ms: processor time an answer."
    )
    if any(unanswered(row) for row in rows):
        lines.append("≥: not answered by then.")
    return lines


def as_fields(
    measured: MeasuredServer, load: Load, material: Material, rows: Sequence[StepFigures]
) -> dict[str, Any]:
    """The report as plain fields, for JSON."""
    return {
        "server": asdict(measured),
        "load": {
            "loop": load.loop,
            "photos": len(material.photos),
            "never_new": material.never_new,
            "questions": len(material.questions),
            **{name: value for name, value in asdict(load).items() if name not in ("loop", "steps")},
        },
        "rows": [
            {
                **asdict(row),
                "histogram": [{"up_to_ms": edge, "asks": asks} for edge, asks in row.histogram],
            }
            for row in rows
        ],
    }
