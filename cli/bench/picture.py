"""The chart of latency against throughput as an SVG: p50 and p99 of each row, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from .figures import StepFigures

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 64, 56
LINES = ("p50", "p99")
STYLE = """
  svg { background: #fff; color: #222; font: 13px system-ui, sans-serif }
  text { fill: currentColor } .small { font-size: 11px } .title { font-weight: 600 }
  .grid { stroke: #ddd } .axis { stroke: currentColor }
  polyline { fill: none; stroke-width: 2 } .p99 polyline { stroke-dasharray: 6 3 }
  .p50 polyline { stroke: #0b6bcb } .p50 circle { fill: #0b6bcb }
  .p99 polyline { stroke: #c2410c } .p99 circle { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181d; color: #e6e6e6 } .grid { stroke: #3a3d44 }
    .p50 polyline { stroke: #6cb6ff } .p50 circle { fill: #6cb6ff }
    .p99 polyline { stroke: #ff9d66 } .p99 circle { fill: #ff9d66 }
  }
"""


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

    def x(asks_per_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * asks_per_s / xs[-1]

    def y(ms: float) -> float:
        share = math.log(ms / ys[0]) / math.log(ys[-1] / ys[0])
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def parts() -> Iterator[str]:
        yield f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>'
        for tick in xs:
            yield f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            yield f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{tick:,g}</text>'
        for tick in ys:
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
            yield f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,g}</text>'
        yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
        across, middle = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        yield f'<text x="{across}" y="{HEIGHT - 14}" text-anchor="middle">asks answered a second</text>'
        yield f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">latency, ms</text>'
        for place, name in enumerate(LINES):
            points = [(row, x(row.asks_per_s), y(row.latency_ms[name] or ys[0])) for row in drawn]
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

    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    named = f"<title>{escape(title)}</title><desc>{'; '.join(_said(row) for row in drawn)}</desc>"
    return "\n".join([begin, named, f"<style>{STYLE}</style>", *parts(), "</svg>", ""])


def _step(row: StepFigures) -> str:
    return f"{row.callers}" if row.callers is not None else f"{row.rate:g}"


def _said(row: StepFigures) -> str:
    asked = f"{row.callers} callers" if row.callers is not None else f"{row.rate:g} asks due a second"
    latency = ", ".join(f"{name} {row.latency_ms[name]:.1f} ms" for name in LINES)
    return f"{asked}: {row.asks_per_s:.1f} answered a second, {latency}"
