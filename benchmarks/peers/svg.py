"""A line chart as a small SVG, which follows the reader's light or dark colour scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 40, 44  # margins around the plot
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.axis{stroke:#777}.grid{stroke:#8884}"
    ".line{fill:none;stroke-width:2}.a{stroke:#3949ab}.b{stroke:#c2410c}.at{fill:#3949ab}.bt{fill:#c2410c}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#999}.a{stroke:#9fa8da}.b{stroke:#fdba74}"
    ".at{fill:#9fa8da}.bt{fill:#fdba74}}"
)


def chart(title: str, x_label: str, y_label: str, series: Mapping[str, Points]) -> str:
    """A chart of at most two lines with logarithmic axes, on which proportional growth is a straight line."""
    points = [point for line in series.values() for point in line]
    x = Scale([at for at, _ in points], LEFT, WIDTH - RIGHT)
    y = Scale([value for _, value in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text x="{LEFT}" y="16" font-weight="bold">{escape(y_label)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(x_label)}</text>',
    ]
    for value in y.ticks():
        at = y(value)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.0f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.0f}" text-anchor="end">{short(value)}</text>')
    for value in x.ticks():
        parts.append(f'<text x="{x(value):.0f}" y="{HEIGHT - 26}" text-anchor="middle">{short(value)}</text>')
    parts.append(f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    for number, (name, line) in enumerate(series.items()):
        kind = "ab"[number]
        way = "L".join(f"{x(at):.1f} {y(value):.1f}" for at, value in line)
        parts.append(f'<path class="line {kind}" d="M{way}"/>')
        parts.append(f'<text class="{kind}t" x="{LEFT + 150 * number}" y="32">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


class Scale:
    """Maps values to positions by their logarithm, from the smallest to the largest value."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = min(values), max(values)
        if self.high < 3 * self.low:  # a smaller range would look flat
            self.low, self.high = self.low / 2, self.high * 2
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = log10(value / self.low) / log10(self.high / self.low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Powers of ten, as in 1, 10, 100; with fewer than three of them, 1, 2, 5, 10."""
        powers = [10.0**power for power in range(floor(log10(self.low)), floor(log10(self.high)) + 1)]
        for steps in ((1,), (1, 2, 5)):
            found = [step * power for power in powers for step in steps]
            found = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
            if len(found) >= 3:
                return found
        return found


def short(value: float) -> str:
    """1000000 as 1 M, 10000 as 10 k."""
    for unit, letter in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"
