"""What was read may be said only where it is certain, plain and whole; its confidence is that of its lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_photos import line

from asksight.engine.bundle.calibration import Verdict
from asksight.photos.flaws import Flaw, FlawKind
from asksight.server.reading.asked import Request, Wanted
from asksight.server.reading.certainty import NOISE, SAID, confidence
from asksight.server.reading.doubts import Doubt
from asksight.server.reading.found import FoundText, Line
from asksight.server.reading.judging import Judged, judge

ALL, PRICE = Request(Wanted.ALL), Request(Wanted.PRICE)
SURE = line("Brown bread 2.40", 0.2, 0.2)
BLURRED = line("Pear] juce", 0.2, 0.4, mean=0.6, least=0.4)  # no text, by all that can be told
COIN = line("Milk and honey", 0.2, 0.6, mean=0.97, least=0.5)  # one character of it may be another


def judged(request: Request, *lines: Line, **more: Any) -> Judged:
    return judge(request, FoundText(lines=lines, **more))


def test_what_is_certain_is_answered_with_how_certain() -> None:
    found = judged(ALL, SURE, line("Salt and pepper", 0.2, 0.3))
    assert found.verdict is Verdict.ANSWERED
    assert [part.text for part in found.parts] == ["Brown bread 2.40, Salt and pepper"]
    assert found.certainties[0] == pytest.approx(confidence(found.lines[0]) * confidence(found.lines[1]))
    assert found.certainties[0] >= SAID


def test_all_is_not_said_where_something_was_left_unread() -> None:
    assert confidence(BLURRED) < NOISE
    assert judged(ALL, SURE, BLURRED).verdict is Verdict.UNSURE
    assert judged(ALL, SURE, BLURRED).lines == (SURE,)
    assert judged(ALL, SURE, unread_px=(30.0,)).verdict is Verdict.UNSURE


def test_the_only_price_is_not_said_where_another_may_be_unread() -> None:
    other = line("3.3B", 0.2, 0.4, mean=0.8, least=0.6)
    assert confidence(other) < NOISE
    unsure = line("Pears 3.38", 0.2, 0.4, mean=0.9, least=0.5)
    words = line("Pears from Spain", 0.2, 0.4, mean=0.97, least=0.5)
    assert judged(PRICE, SURE, words).verdict is Verdict.ANSWERED
    for one in (BLURRED, other, unsure):
        assert judged(PRICE, SURE, one).verdict is Verdict.UNSURE
    assert judged(PRICE, SURE, unread_px=(30.0,)).verdict is Verdict.UNSURE
    assert judged(PRICE, SURE, unread_px=(10.0,)).verdict is Verdict.ANSWERED  # smaller by far
    assert (
        judged(PRICE, line("Total 2.40", 0.2, 0.2), BLURRED).verdict is Verdict.ANSWERED
    )  # its word says so
    milk = Request(Wanted.PRICE, "milk")
    assert (
        judged(milk, line("Milk 2.40", 0.2, 0.2), line("Salt 1.10", 0.2, 0.3), BLURRED).verdict
        is Verdict.ANSWERED
    )
    assert judged(Request(Wanted.DATE), line("12.03.2027", 0.2, 0.2), BLURRED).verdict is Verdict.UNSURE
    number = Request(Wanted.NUMBER, "room")
    assert judged(number, line("214", 0.2, 0.2), BLURRED).verdict is Verdict.UNSURE
    assert judged(number, line("Room 214", 0.2, 0.2), BLURRED).verdict is Verdict.ANSWERED


def test_nothing_is_certain_while_lines_are_left_to_be_read() -> None:
    for request in (ALL, PRICE):
        found = judged(request, line("Total 2.40", 0.2, 0.2), rest=3)
        assert (found.verdict, found.doubt) == (Verdict.UNSURE, Doubt.REST)


def test_a_part_of_a_photo_that_was_cut_short_is_not_the_only_one() -> None:
    assert judged(PRICE, SURE, flaws=(Flaw(FlawKind.CUT_SHORT, 0.3),)).verdict is Verdict.UNSURE
    assert judged(PRICE, SURE, flaws=(Flaw(FlawKind.BRIGHT, 0.9),)).verdict is Verdict.ANSWERED


def test_a_character_that_could_be_another_is_not_said() -> None:
    assert confidence(COIN) > SAID
    assert judged(ALL, COIN).verdict is Verdict.UNSURE


def test_nor_is_a_part_that_runs_out_of_the_photo() -> None:
    cut = line("Whole milk 1.29", 0.0, 0.4)
    assert judged(PRICE, cut).verdict is Verdict.UNSURE
    assert judged(PRICE, SURE, line("Whole milk", 0.0, 0.4)).verdict is Verdict.ANSWERED


def test_what_may_be_one_or_another_is_unsure_and_both_are_told() -> None:
    found = judged(PRICE, SURE, line("White bread 2.10", 0.2, 0.4))
    assert (found.verdict, [part.text for part in found.parts]) == (Verdict.UNSURE, ["2.40", "2.10"])
    assert len(found.certainties) == 2


def test_nothing_to_read() -> None:
    assert judged(ALL) == (Verdict.UNANSWERABLE, (), (), (), None)
    found = judged(ALL, BLURRED, unread_px=(30.0,) * 3)
    assert (found.verdict, found.doubt) == (Verdict.UNANSWERABLE, Doubt.UNREAD)
    assert judged(PRICE, line("Way out", 0.2, 0.2)).lines  # there is text, and no price


@given(st.text(min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_probable_characters_make_a_line_no_less_so(
    text: str, least: float, mean: float, better: float
) -> None:
    low, high = sorted([max(least, mean), max(least, better)])
    worse, best = (confidence(line(text, 0.1, 0.1, mean=one, least=least)) for one in (low, high))
    assert 0 < worse <= best < 1
