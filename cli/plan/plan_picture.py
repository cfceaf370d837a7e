"""A plan as an SVG: machines against asks a second, both logarithmic, placed by photo and in turn; light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from ..chart_frame import Frame, svg
from .machines import Need

LEFT, RIGHT = 90, 60
CLASSES = ("p50", "p99")  # the style's two kinds of line


def draw_plan(lines: Mapping[str, Sequence[Need]], title: str) -> str:
    """Give the file; at most two lines, by their names. The points say what asks take."""
    needs = [one for line in lines.values() for one in line]
    xs = _powers([one.asks_per_s for one in needs])
    ys = _powers([one.machines for one in needs])

    frame = Frame(left=LEFT, right=RIGHT, across=partial(_share, ticks=xs), up=partial(_share, ticks=ys))

    def parts() -> Iterator[str]:
        yield from frame.grid(title, xs, ys, names=("asks a second", "machines"), form=",.0f")
        for place, (name, line) in enumerate(lines.items()):
            legend, above = LEFT + 170 * place, (18, -9)[place]
            points = " ".join(f"{frame.x(one.asks_per_s):.1f},{frame.y(one.machines):.1f}" for one in line)
            yield f'<g class="{CLASSES[place]}"><polyline points="{legend},46 {legend + 28},46"/>'
            yield f'<text x="{legend + 36}" y="50">{escape(name)}</text><polyline points="{points}"/>'
            for one in line:
                right, down = frame.x(one.asks_per_s), frame.y(one.machines)
                yield f'<circle cx="{right:.1f}" cy="{down:.1f}" r="4"><title>{_said(one)}</title></circle>'
                yield (
                    f'<text class="small" x="{right:.1f}" y="{down + above:.1f}" text-anchor="middle">'
                    f"{one.machines:,}</text>"
                )
            yield "</g>"

    return svg(
        title, "; ".join(f"{name}: {', '.join(map(_said, line))}" for name, line in lines.items()), parts()
    )


def _powers(values: Sequence[float]) -> list[float]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def _share(value: float, ticks: Sequence[float]) -> float:
    return log10(value / ticks[0]) / log10(ticks[-1] / ticks[0])


def _said(one: Need) -> str:
    return (
        f"{one.asks_per_s:,.0f} asks a second: {one.machines:,} machines, {one.found.share:.0%} found, "
        f"p99 {one.latency.p99_ms:,.0f} ms"
    )
