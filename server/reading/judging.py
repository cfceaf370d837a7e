"""What was found in a photo → what is wanted of it, and whether it may be said: pure."""

from __future__ import annotations

from typing import NamedTuple

from asksight.engine.bundle.calibration import Verdict
from asksight.photos.flaws import FlawKind

from . import certainty
from .asked import Part, Request, Wanted, cut
from .coach import touched
from .found import FoundText, Line
from .order import rows

OF_ALL = (Wanted.ALL, Wanted.LARGEST)  # only who has read all can say these


class Judged(NamedTuple):
    """What the answer to an ask for text is."""

    verdict: Verdict
    parts: tuple[Part, ...]  # what may be meant, likeliest first
    certainties: tuple[float, ...]  # how probable it is that each is right to the letter
    lines: tuple[Line, ...]  # all that can be read, in order


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
    if not part.parts:
        return Judged(Verdict.UNANSWERABLE, (), (), in_order)
    wanted = part.parts[0].lines
    whole = not any(touched(line) for line in wanted) and not certainty.doubtful(wanted)
    cut_short = any(
        flaw.kind is FlawKind.CUT_SHORT for flaw in found.flaws
    )  # what is gone may hold another price
    unread = cut_short or (request.what in OF_ALL and (found.missed > 0 or len(lines) < len(found.lines)))
    certain = part.plain and whole and not unread and certainties[0] >= certainty.SAID
    return Judged(Verdict.ANSWERED if certain else Verdict.UNSURE, part.parts, certainties, in_order)
