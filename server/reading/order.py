"""Lines of text in the order in which a person reads them: pure.

Rows from top to bottom, and in a row from left to right, as the text itself stands: upright, on its head or on its
side, and askew. Columns of running text are read one after the other (columns.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from math import atan2, cos, hypot, sin
from statistics import median

from .columns import Placed, parted
from .found import Line, Point

SAME_ROW = 0.5  # of the smaller height, by which the middles of two lines in one row may differ


class Turn(StrEnum):
    """How the text stands in the photo."""

    UPRIGHT = "upright"
    ON_HEAD = "on_head"
    DOWN = "down"  # it runs from top to bottom
    UP = "up"  # it runs from bottom to top


def turn_of(lines: Sequence[Line]) -> Turn:
    """How most of the text stands, by its characters."""
    said: Counter[Turn] = Counter()
    for line in lines:
        if line.on_side:
            said[Turn.UP if line.on_head else Turn.DOWN] += len(line.text)
        else:
            said[Turn.ON_HEAD if line.on_head else Turn.UPRIGHT] += len(line.text)
    return said.most_common(1)[0][0] if said else Turn.UPRIGHT


def rows(lines: Sequence[Line], form: float) -> list[list[Line]]:
    """The lines by rows; `form` is the photo's width over its height."""
    if not lines:
        return []
    turn = turn_of(lines)
    seen = [_corners(line, form, turn) for line in lines]
    lean = median(atan2(end[1] - start[1], end[0] - start[0]) for start, end, _, _ in seen)
    level = [_level(line, corners, lean) for line, corners in zip(lines, seen, strict=True)]
    return [row for block in parted(level) for row in _rows(block)]


def _rows(block: Sequence[Placed]) -> list[list[Line]]:
    found: list[list[Placed]] = []
    for one in sorted(block, key=lambda one: one.below):
        row = found[-1] if found else None
        if row is not None and one.below - row[-1].below < SAME_ROW * min(one.height, row[-1].height):
            row.append(one)
        else:
            found.append([one])
    return [[one.line for one in sorted(row, key=lambda one: one.start + one.end)] for row in found]


def _corners(line: Line, form: float, turn: Turn) -> list[Point]:
    """A line's corners as seen by who reads it: where it starts, where it ends, and those below, going around."""
    corners = [_seen((x * form, y), turn) for x, y in line.corners]
    return corners[_START[turn] :] + corners[: _START[turn]]


def _level(line: Line, corners: Sequence[Point], lean: float) -> Placed:
    level = [(x * cos(lean) + y * sin(lean), y * cos(lean) - x * sin(lean)) for x, y in corners]
    start, end, _, under = level
    return Placed(
        line=line,
        start=(start[0] + under[0]) / 2,
        end=(end[0] + level[2][0]) / 2,
        below=sum(y for _, y in level) / 4,
        height=hypot(under[0] - start[0], under[1] - start[1]),
    )


# The corner at which the text begins, of left top, right top, right bottom, left bottom.
_START = {Turn.UPRIGHT: 0, Turn.DOWN: 1, Turn.ON_HEAD: 2, Turn.UP: 3}


def _seen(point: Point, turn: Turn) -> Point:
    """A point as who reads the text sees it."""
    x, y = point
    return {Turn.UPRIGHT: (x, y), Turn.ON_HEAD: (-x, -y), Turn.DOWN: (y, -x), Turn.UP: (-y, x)}[turn]
