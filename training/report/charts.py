"""Charts as SVG inside the page, drawn here so that the page loads no script.

Each chart has a title and a description for screen readers; its numbers are in a table below it (`sections.figure`).
The colours are Okabe and Ito's, which people with colour-blindness can distinguish; lines differ in their dashes, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = (
    56,
    120,
    12,
    44,
)  # room for the axes' words; on the right for the names of lines
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("", "7 4", "2 3", "10 3 2 3", "1 4", "12 4")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis; with `percent` its values are shares, shown in percent."""

    name: str
    low: float
    high: float
    percent: bool = False

    def place(self, value: float) -> float:
        """The position of a value, from 0 at `low` to 1 at `high`."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0

    def ticks(self) -> list[float]:
        """About five round numbers within the axis."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        step = 10.0 ** math.floor(math.log10(span / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(n * step, 10) for n in range(first, last + 1)]

    def told(self, value: float) -> str:
        return f"{100 * value:g} %" if self.percent else f"{value:,g}"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart; its name is written at its end."""

    name: str
    points: Points
    faint: bool = False  # a reference line, not a measurement


def line_chart(
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    marks: Sequence[tuple[float, float, str]] = (),
) -> str:
    """Lines over a grid. `marks` are points (x, y, label)."""
    across, down = _scales(x, y)
    drawn = [_grid(x, y, across, down)]
    ends = _spread([down(line.points[-1][1]) for line in lines])
    for number, (line, end) in enumerate(zip(lines, ends, strict=True)):
        colour = "currentColor" if line.faint else _COLOURS[number % len(_COLOURS)]
        dash = "4 4" if line.faint else _DASHES[number % len(_DASHES)]
        path = " ".join(f"{across(a):.1f},{down(b):.1f}" for a, b in line.points)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{1 if line.faint else 2}" '
            f'stroke-dasharray="{dash}" stroke-linejoin="round"/>'
        )
        if not line.faint and len(line.points) == 1:
            drawn.append(_dot(across(line.points[0][0]), down(line.points[0][1]), colour))
        drawn.append(_text(across(line.points[-1][0]) + 6, end + 4, line.name))
    for a, b, word in marks:
        drawn.append(_dot(across(a), down(b), _COLOURS[1]))
        drawn.append(_text(across(a) - 8, down(b) - 8, word, anchor="end"))
    return _svg(title, description, "".join(drawn), _HEIGHT)


def column_chart(
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    columns: Sequence[tuple[float, float, float, bool]],
    lines: Sequence[Line] = (),
) -> str:
    """Columns (from, to, height, whether faint), with lines drawn over them."""
    across, down = _scales(x, y)
    drawn = [_grid(x, y, across, down)]
    for low, high, height, faint in columns:
        left, right, top = across(low) + 1, across(high) - 1, down(height)
        drawn.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0.0, right - left):.1f}" '
            f'height="{max(0.0, down(y.low) - top):.1f}" fill="{_COLOURS[0]}" fill-opacity="{0.25 if faint else 0.8}"/>'
        )
    for line in lines:
        path = " ".join(f"{across(a):.1f},{down(b):.1f}" for a, b in line.points)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="4 4"/>'
        )
        end = line.points[-1]
        drawn.append(_text(across(end[0]) + 6, down(end[1]) + 4, line.name))
    return _svg(title, description, "".join(drawn), _HEIGHT)


def bar_chart(title: str, description: str, bars: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars (name, share from 0 to 1, label), one below the other."""
    row, left, room = 24, 190, _WIDTH - 190 - 130
    drawn = []
    for number, (name, share, told) in enumerate(bars):
        top = number * row
        shown = name if len(name) <= 28 else f"{name[:27]}…"
        drawn.append(_text(left - 8, top + 16, shown, anchor="end"))
        drawn.append(
            f'<rect x="{left}" y="{top + 4}" width="{room}" height="16" fill="currentColor" fill-opacity="0.08"/>'
            f'<rect x="{left}" y="{top + 4}" width="{room * share:.1f}" height="16" fill="{_COLOURS[0]}"/>'
        )
        drawn.append(_text(left + room + 8, top + 16, told))
    return _svg(title, description, "".join(drawn), max(1, len(bars)) * row + 4)


def _scales(x: Axis, y: Axis) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Functions from values to positions in the SVG."""

    def across(value: float) -> float:
        return _LEFT + x.place(value) * (_WIDTH - _LEFT - _RIGHT)

    def down(value: float) -> float:
        return _TOP + (1 - y.place(value)) * (_HEIGHT - _TOP - _BOTTOM)

    return across, down


def _grid(x: Axis, y: Axis, across: Callable[[float], float], down: Callable[[float], float]) -> str:
    bottom, right = down(y.low), across(x.high)
    drawn = []
    for tick in x.ticks():
        drawn.append(_rule(across(tick), _TOP, across(tick), bottom))
        drawn.append(_text(across(tick), bottom + 16, x.told(tick), anchor="middle"))
    for tick in y.ticks():
        drawn.append(_rule(_LEFT, down(tick), right, down(tick)))
        drawn.append(_text(_LEFT - 6, down(tick) + 4, y.told(tick), anchor="end"))
    drawn.append(_text((_LEFT + right) / 2, _HEIGHT - 8, x.name, anchor="middle"))
    middle = (_TOP + bottom) / 2
    drawn.append(
        f'<text x="12" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 12 {middle:.1f})">'
        f"{escape(y.name)}</text>"
    )
    return "".join(drawn)


def _spread(places: list[float], apart: float = 14.0) -> list[float]:
    """The positions, moved down where two of them are closer than `apart`."""
    moved = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + apart)
    return moved


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="currentColor" stroke-opacity="0.15"/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">{escape(text)}</text>'


def _svg(title: str, description: str, body: str, height: int) -> str:
    name = "-".join(title.lower().split())  # unique, since each title occurs once in the page
    return (
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {_WIDTH} {height}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{body}</svg>"
    )
