"""What was found in a photo → what is wanted of it, and whether it may be said: pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from asksight.engine.bundle.calibration import Verdict
from asksight.photos.flaws import FlawKind

from . import certainty
from .asked import Part, Request, Wanted, cut
from .coach import touched
from .doubts import Doubt
from .found import FoundText, Line
from .letters import other_letters
from .order import rows

AS_LARGE = 0.5  # of the print of what is said, from which on what could not be read may be another such
DIGIT = re.compile(r"\d|[€$£¥₹]")
OF_ALL = (Wanted.ALL, Wanted.LARGEST)  # only who has read all can say these


class Judged(NamedTuple):
    """What the answer to an ask for text is."""

    verdict: Verdict
    parts: tuple[Part, ...]  # what may be meant, likeliest first
    certainties: tuple[float, ...]  # how probable it is that each is right to the letter
    lines: tuple[Line, ...]  # all that can be read, in order
    doubt: Doubt | None = None  # why it is no better, beside what is wrong with the photo


def judge(request: Request, found: FoundText) -> Judged:
    """Say what is wanted, and how certain that is.

    It is ANSWERED where it is certain, to each letter, where it is plain that this part is meant, where none of its
    lines runs out of the photo, which came whole, and, of all that is written or the largest of it, where nothing was
    left unread.
    """
    lines = certainty.legible(found.lines)
    ordered = rows(lines, found.form)
    part = cut(request, ordered)
    certainties = tuple(certainty.of_all(one.lines) for one in part.parts)
    in_order = tuple(line for row in ordered for line in row)
    doubt = Doubt.REST if found.rest else None
    if not part.parts:
        unknown = found.lines and not lines
        return Judged(Verdict.UNANSWERABLE, (), (), in_order, doubt or (Doubt.UNREAD if unknown else None))
    wanted = part.parts[0].lines
    whole = not any(touched(line) for line in wanted) and not certainty.doubtful(wanted)
    cut_short = any(
        flaw.kind is FlawKind.CUT_SHORT for flaw in found.flaws
    )  # what is gone may hold another price
    unread = cut_short or found.rest > 0
    if request.what in OF_ALL:
        unread = unread or len(found.unread_px) > 0 or len(lines) < len(found.lines)
        if any(other_letters(line.text) for line in wanted):
            doubt = doubt or Doubt.LETTERS
    elif part.only:
        unread = unread or _may_hide(found, wanted[0])
    certain = part.plain and whole and not unread and not doubt and certainties[0] >= certainty.SAID
    verdict = Verdict.ANSWERED if certain else Verdict.UNSURE
    return Judged(verdict, part.parts, certainties, in_order, doubt)


def _may_hide(found: FoundText, said: Line) -> bool:
    """Whether another price, date or number may stand where nothing was read for certain, in print as large."""
    least_px = AS_LARGE * said.height_px
    if any(height_px >= least_px for height_px in found.unread_px):
        return True
    return any(
        line.height_px >= least_px
        and certainty.uncertain(line)
        and (DIGIT.search(line.text) or not certainty.legible([line]))
        for line in found.lines
        if line is not said
    )
