"""A plan as an SVG: machines against asks a second, both logarithmic, placed by photo and in turn; light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from ..bench.picture import STYLE
from .machines import Need

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 90, 60, 64, 56
CLASSES = ("p50", "p99")  # the style's two kinds of line


def draw_plan(lines: Mapping[str, Sequence[Need]], title: str) -> str:
    """Give the file; at most two lines, by their names. The points say what asks take."""
    needs = [one for line in lines.values() for one in line]
    xs = _powers([one.asks_per_s for one in needs])
    ys = _powers([one.machines for one in needs])

    def x(asks_per_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * _share(asks_per_s, xs)

    def y(machines: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _share(machines, ys)

    def parts() -> Iterator[str]:
        yield f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>'
        for tick in xs:
            yield f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            yield f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{tick:,.0f}</text>'
        for tick in ys:
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
            yield f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,.0f}</text>'
        yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
        across, middle = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        yield f'<text x="{across}" y="{HEIGHT - 14}" text-anchor="middle">asks a second</text>'
        yield f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">machines</text>'
        for place, (name, line) in enumerate(lines.items()):
            legend, above = LEFT + 170 * place, (18, -9)[place]
            points = " ".join(f"{x(one.asks_per_s):.1f},{y(one.machines):.1f}" for one in line)
            yield f'<g class="{CLASSES[place]}"><polyline points="{legend},46 {legend + 28},46"/>'
            yield f'<text x="{legend + 36}" y="50">{escape(name)}</text><polyline points="{points}"/>'
            for one in line:
                right, down = x(one.asks_per_s), y(one.machines)
                yield f'<circle cx="{right:.1f}" cy="{down:.1f}" r="4"><title>{_said(one)}</title></circle>'
                yield (
                    f'<text class="small" x="{right:.1f}" y="{down + above:.1f}" text-anchor="middle">'
                    f"{one.machines:,}</text>"
                )
            yield "</g>"

    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    said = "; ".join(f"{name}: {', '.join(map(_said, line))}" for name, line in lines.items())
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    named = f"<title>{escape(title)}</title><desc>{escape(said)}</desc>"
    return "\n".join([begin, named, f"<style>{STYLE}</style>", *parts(), "</svg>", ""])


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
