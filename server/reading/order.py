"""Lines of text in the order in which a person reads them: pure.

Rows from top to bottom, and in a row from left to right, as the text itself stands: upright, on its head or on its
side, and askew. Columns are not told from tables: both are read row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from math import atan2, cos, sin
from statistics import median

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
    placed = [(line, _placed(line, form, turn)) for line in lines]
    lean = median(lean for _, (_, _, _, lean) in placed)
    level = []
    for line, (along, below, height, _) in placed:
        level.append(
            (below * cos(lean) - along * sin(lean), along * cos(lean) + below * sin(lean), height, line)
        )
    found: list[list[tuple[float, float, float, Line]]] = []
    for one in sorted(level, key=lambda one: one[0]):
        row = found[-1] if found else None
        if row is not None and one[0] - row[-1][0] < SAME_ROW * min(one[2], row[-1][2]):
            row.append(one)
        else:
            found.append([one])
    return [[line for _, _, _, line in sorted(row, key=lambda one: one[1])] for row in found]


def _placed(line: Line, form: float, turn: Turn) -> tuple[float, float, float, float]:
    """Where a line's middle is along and below, its height, and how it leans, as seen by who reads it."""
    corners = [_seen((x * form, y), turn) for x, y in line.corners]
    along, below = (sum(values) / 4 for values in zip(*corners, strict=True))
    start, end, _, under = corners[_START[turn] :] + corners[: _START[turn]]
    height = ((under[0] - start[0]) ** 2 + (under[1] - start[1]) ** 2) ** 0.5
    return along, below, height, atan2(end[1] - start[1], end[0] - start[0])


# The corner at which the text begins, of left top, right top, right bottom, left bottom.
_START = {Turn.UPRIGHT: 0, Turn.DOWN: 1, Turn.ON_HEAD: 2, Turn.UP: 3}


def _seen(point: Point, turn: Turn) -> Point:
    """A point as who reads the text sees it."""
    x, y = point
    return {Turn.UPRIGHT: (x, y), Turn.ON_HEAD: (-x, -y), Turn.DOWN: (y, -x), Turn.UP: (-y, x)}[turn]
