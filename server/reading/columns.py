"""Columns of running text, as in a newspaper, told from those of a table: pure.

Running text is broken where its column ends: most of its lines are about as long as the longest, and many times as long
as high. A table's are as long as what they name, or a price. Lines across several columns, as a headline, part what is
above them from what is below, as in a recursive X-Y cut (Nagy and Seth, 1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import linear_regression, median
from typing import NamedTuple

from .found import Line

LEAST_LINES = 4  # of a column
LEAST_FORM = 6.0  # a line's length over its height, in the middle: "2.49 €" has 3, "Mineral water" 6
FULL = 0.75  # of the longest line of its column is the middle one
BALANCED = 0.5  # of the widest column is the narrowest
ALIGNED = 2.0  # of a line's height: an indent is no other column
INTO = 1.0  # of its height, by which a line across reaches into the next column; boxes are larger than their lines
SIDE_BY_SIDE = 0.5  # of the lower column's height that is beside the other


class Placed(NamedTuple):
    """A line as who reads it sees it, made level: in one unit, along and down the page."""

    line: Line
    start: float
    end: float
    below: float  # its middle
    height: float


@dataclass(frozen=True)
class Column:
    """Lines that begin at one edge, which may lean: the photo was taken at a slant."""

    lines: tuple[Placed, ...]
    at: float
    lean: float

    def start(self, below: float) -> float:
        """Where a line of it begins that is so far down."""
        return self.at + self.lean * below


def parted(lines: Sequence[Placed]) -> list[list[Placed]]:
    """The lines in blocks, in reading order, each of which is read row by row; one block where there are no columns."""
    columns = _columns(lines)
    if not columns:
        return [list(lines)]
    places = {id(one): _column_of(one, columns) for one in lines}
    blocks: list[list[Placed]] = []
    down = sorted(lines, key=lambda one: one.below)
    for across, group in groupby(down, key=lambda one: places[id(one)] is None):
        some = list(group)
        by_column = [[one for one in some if places[id(one)] == place] for place in range(len(columns))]
        blocks += [some] if across else [block for block in by_column if block]
    return blocks


def _columns(lines: Sequence[Placed]) -> list[Column]:
    """From left to right; none where any that seems to be one is no column of running text."""
    if len(lines) < 2 * LEAST_LINES:
        return []
    high = median(one.height for one in lines)
    edges: list[list[Placed]] = []
    for one in sorted(lines, key=lambda one: one.start):
        if edges and one.start - edges[-1][-1].start < ALIGNED * high:
            edges[-1].append(one)
        else:
            edges.append([one])
    found = [_column(edge) for edge in edges if len(edge) >= LEAST_LINES]
    columns = [
        _column([one for one in column.lines if not _crosses(one, found[place + 1 :])])
        for place, column in enumerate(found)
    ]
    return columns if len(columns) > 1 and _running(columns) else []


def _column(lines: Sequence[Placed]) -> Column:
    if len({one.below for one in lines}) < 2:
        return Column(tuple(lines), lines[0].start if lines else 0.0, 0.0)
    lean, at = linear_regression([one.below for one in lines], [one.start for one in lines])
    return Column(tuple(lines), at, lean)


def _crosses(one: Placed, further: Sequence[Column]) -> bool:
    return bool(further) and one.end > further[0].start(one.below) + INTO * one.height


def _running(columns: Sequence[Column]) -> bool:
    """Whether all are of running text, about as wide, and side by side."""
    widths = []
    for column in columns:
        lengths = [one.end - one.start for one in column.lines]
        if len(lengths) < LEAST_LINES:
            return False
        form = median(length / one.height for length, one in zip(lengths, column.lines, strict=True))
        if form < LEAST_FORM or median(lengths) < FULL * max(lengths):
            return False
        widths.append(max(lengths))
    reach = [(min(one.below for one in c.lines), max(one.below for one in c.lines)) for c in columns]
    for (top, bottom), (other_top, other_bottom) in pairwise(reach):
        beside = min(bottom, other_bottom) - max(top, other_top)
        if beside < SIDE_BY_SIDE * min(bottom - top, other_bottom - other_top):
            return False
    return min(widths) >= BALANCED * max(widths)


def _column_of(one: Placed, columns: Sequence[Column]) -> int | None:
    """The column that the line lies in, None where it lies in several."""
    middle = (one.start + one.end) / 2
    place = max((at for at, column in enumerate(columns) if column.start(one.below) <= middle), default=0)
    begins_before = one.start < columns[place].start(one.below) - ALIGNED * one.height
    return None if (place and begins_before) or _crosses(one, columns[place + 1 :]) else place
