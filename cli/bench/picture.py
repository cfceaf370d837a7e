"""The chart of latency against throughput as an SVG: p50 and p99 of each row, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..chart_frame import Frame, svg
from .figures import StepFigures

LEFT, RIGHT = 70, 24
LINES = ("p50", "p99")


def ticks(largest: float, most: int = 6) -> list[float]:
    """Give round numbers from 0 until the first that reaches `largest`, in steps of 1, 2 or 5 times a power of ten."""
    if largest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(largest / most))
    step = next(power * one for one in (1, 2, 5, 10) if power * one * most >= largest)
    return [step * turn for turn in range(math.ceil(largest / step) + 1)]


def log_ticks(smallest: float, largest: float) -> list[float]:
    """Give 1, 2 and 5 times powers of ten, the fewest between which `smallest` and `largest` lie."""
    powers = range(math.floor(math.log10(smallest)), math.ceil(math.log10(largest)) + 1)
    found = [one * 10.0**power for power in powers for one in (1, 2, 5)]
    first = max(tick for tick in found if tick <= smallest)
    last = min([tick for tick in found if tick >= largest] or found[-1:])
    return [tick for tick in found if first <= tick <= last] if last > first else [first, 2 * first]


def draw(rows: Sequence[StepFigures], title: str) -> str:
    """Give the file; rows without an answer are left out. The points say their callers or rate."""
    drawn = [row for row in rows if row.latency_ms["p99"]]
    xs = ticks(max((row.asks_per_s for row in drawn), default=0))
    latencies = [row.latency_ms[name] or 1.0 for row in drawn for name in LINES] or [1.0]
    ys = log_ticks(min(latencies), max(latencies))

    frame = Frame(
        left=LEFT,
        right=RIGHT,
        across=lambda asks_per_s: asks_per_s / xs[-1],
        up=lambda ms: math.log(ms / ys[0]) / math.log(ys[-1] / ys[0]),
    )

    def parts() -> Iterator[str]:
        yield from frame.grid(title, xs, ys, names=("asks answered a second", "latency, ms"), form=",g")
        for place, name in enumerate(LINES):
            points = [(row, frame.x(row.asks_per_s), frame.y(row.latency_ms[name] or ys[0])) for row in drawn]
            legend = LEFT + 110 * place
            yield f'<g class="{name}"><polyline points="{legend},46 {legend + 28},46"/>'
            yield f'<text x="{legend + 36}" y="50">{name}</text>'
            yield f'<polyline points="{" ".join(f"{right:.1f},{down:.1f}" for _, right, down in points)}"/>'
            for row, right, down in points:
                yield f'<circle cx="{right:.1f}" cy="{down:.1f}" r="4"><title>{_said(row)}</title></circle>'
                yield f'<text class="small" x="{right:.1f}" y="{down - 9:.1f}" text-anchor="middle">{_step(row)}</text>'
            yield "</g>"
        unit = "callers" if any(row.callers is not None for row in rows) else "asks due a second"
        yield f'<text class="small" x="{LEFT + 220}" y="50">beside the points: {unit}</text>'

    return svg(title, "; ".join(_said(row) for row in drawn), parts())


def _step(row: StepFigures) -> str:
    return f"{row.callers}" if row.callers is not None else f"{row.rate:g}"


def _said(row: StepFigures) -> str:
    asked = f"{row.callers} callers" if row.callers is not None else f"{row.rate:g} asks due a second"
    latency = ", ".join(f"{name} {row.latency_ms[name]:.1f} ms" for name in LINES)
    return f"{asked}: {row.asks_per_s:.1f} answered a second, {latency}"
