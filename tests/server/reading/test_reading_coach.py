"""What keeps text from being read: it runs out of the photo, is too small, or stands on its head or side."""

from __future__ import annotations

import pytest
from text_photos import line

from asksight.server.reading.coach import Advice, TextFlawKind, text_flaws


@pytest.mark.parametrize(
    ("left", "top", "advice"),
    [
        (0.0, 0.5, Advice.LEFT),
        (0.8, 0.5, Advice.RIGHT),
        (0.4, 0.001, Advice.UP),
        (0.4, 0.96, Advice.DOWN),
        (0.0, 0.0, Advice.AWAY),
    ],
)
def test_text_that_runs_out_of_the_photo_says_where_to(left: float, top: float, advice: Advice) -> None:
    (flaw,) = text_flaws([line("Salt", 0.4, 0.4), line("Ingre", left, top)])
    assert (flaw.kind, flaw.advice) == (TextFlawKind.CUT_OFF, advice)


@pytest.mark.parametrize(("height", "severity"), [(0.02, 0.0), (0.011, 0.5), (0.005, 1.0)])
def test_small_text(height: float, severity: float) -> None:
    found = text_flaws([line("Salt", 0.4, 0.4, height=height)])
    assert [one.advice for one in found] == ([Advice.CLOSER] if severity else [])
    assert sum(one.severity for one in found) == pytest.approx(severity)


@pytest.mark.parametrize(
    ("on_side", "on_head", "advice"),
    [(False, True, Advice.AROUND), (True, False, Advice.QUARTER), (True, True, Advice.QUARTER)],
)
def test_turned_text(on_side: bool, on_head: bool, advice: Advice) -> None:
    turned = line("All that is written", 0.4, 0.4, on_side=on_side, on_head=on_head)
    (flaw,) = text_flaws([turned, line("7", 0.1, 0.1)])  # one upright digit says nothing
    assert (flaw.kind, flaw.advice) == (TextFlawKind.TURNED, advice)


def test_text_that_is_fine_or_is_not_there() -> None:
    assert text_flaws([line("Salt", 0.4, 0.4)]) == []
    assert text_flaws([]) == []
