"""What keeps text from being read, and what the person can do: pure.

Text that runs out of the photo, in which direction the rest of it lies; text that is too small; text on its head or on
its side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from .found import Line
from .order import Turn, turn_of

EDGE = 0.006  # of the photo, within which a line touches its edge: the finder's boxes are a little larger than text
CUT_OFF = 0.6  # severity: what is missing may be what is wanted
TURNED = 0.3  # it is read all the same, if less well
HEIGHT_PX = (15.0, 7.0)  # of a line's box: severity 0 at the first, 1 at the second


class TextFlawKind(StrEnum):
    """What can be wrong with text in a photo."""

    CUT_OFF = "text_cut_off"
    SMALL = "text_small"
    TURNED = "text_turned"


class Advice(StrEnum):
    """What the person can do."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    AWAY = "away"
    CLOSER = "closer"
    AROUND = "around"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class TextFlaw:
    """One thing that is wrong with text in a photo."""

    kind: TextFlawKind
    severity: float
    advice: Advice


def text_flaws(lines: Sequence[Line]) -> list[TextFlaw]:
    """What is wrong with lines that were found, worst first."""
    if not lines:
        return []
    flaws = []
    if sides := {side for line in lines for side in touched(line)}:
        flaws.append(TextFlaw(TextFlawKind.CUT_OFF, CUT_OFF, min(sides) if len(sides) == 1 else Advice.AWAY))
    fine, useless = HEIGHT_PX
    small = min(max((fine - median(line.height_px for line in lines)) / (fine - useless), 0.0), 1.0)
    if small > 0:
        flaws.append(TextFlaw(TextFlawKind.SMALL, small, Advice.CLOSER))
    turn = turn_of(lines)
    if turn is not Turn.UPRIGHT:
        around = Advice.AROUND if turn is Turn.ON_HEAD else Advice.QUARTER
        flaws.append(TextFlaw(TextFlawKind.TURNED, TURNED, around))
    return sorted(flaws, key=lambda flaw: -flaw.severity)


def touched(line: Line) -> list[Advice]:
    """Where the line runs out of the photo, as the direction in which the rest of it lies."""
    reached = {
        Advice.LEFT: line.left < EDGE,
        Advice.RIGHT: line.right > 1 - EDGE,
        Advice.UP: line.top < EDGE,
        Advice.DOWN: line.bottom > 1 - EDGE,
    }
    return [side for side, reaches in reached.items() if reaches]
