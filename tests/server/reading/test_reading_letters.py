"""Letters that look like Latin ones: what may be Cyrillic or Greek is told from what is not, as it is read."""

from __future__ import annotations

import pytest
from text_photos import line

from asksight.engine.bundle.calibration import Verdict
from asksight.server.reading import letters
from asksight.server.reading.asked import Request, Wanted
from asksight.server.reading.doubts import Doubt
from asksight.server.reading.found import FoundText
from asksight.server.reading.judging import judge
from asksight.server.reading.letters import LATIN, other_letters


@pytest.mark.parametrize(
    "read",
    [
        # As the recogniser reads РЕСТОРАН, АПТЕКА, МІСТО, ЗВУК, ЕКОНОМІЧНІСТЬ, СТАТЕЙКА, НЕ КУРИТЬ …
        *("PECTOPAH", "ANTEKA", "MICTO", "3BYK", "EKOHOMI4HICTb", "CTATEÑKA", "HE KYPNTb", "KACCA 5.00"),
        *("ANOIXTO", "NEPO", "KPHTH", "ΦAPMAKEIO", "KAΦE", "ΞΕΝΟΔΟΧΕΙΟ", "Kacao", "TEMA"),
    ],
)
def test_lines_that_may_be_in_other_letters(read: str) -> None:
    assert other_letters(read)


@pytest.mark.parametrize(
    "read",
    [
        *(
            "Kasse",
            "GREEN MARKET",
            "EXIT",
            "OPEN",
            "BOX OFFICE",
            "NO EXIT",
            "EXIT B",
            "ATM",
            "Coffee",
            "APOTHEKE",
        ),
        *(
            "Brown bread 2.40",
            "214",
            "B 22",
            "A4",
            "MP3",
            "12 OCT 2027",
            "Chapter XIV",
            "XIV",
            "MATANÇA",
            "ETÀ",
        ),
        *("500 μg", "10 kΩ", "4.7kΩ", "薬局", "パン", "", "€ 2.49"),
    ],
)
def test_lines_that_are_not(read: str) -> None:
    assert not other_letters(read)


def test_each_word_that_is_known_would_be_doubted_if_it_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(map(other_letters, LATIN))
    monkeypatch.setattr(letters, "LATIN", frozenset())
    assert [word for word in LATIN if not other_letters(word)] == ["XXX"]  # thirty in Rome


def test_what_may_be_in_other_letters_is_unsure_and_its_price_is_not() -> None:
    found = FoundText(lines=(line("KACCA 5.00", 0.2, 0.2),))
    read = judge(Request(Wanted.ALL), found)
    assert (read.verdict, read.doubt) == (Verdict.UNSURE, Doubt.LETTERS)
    price = judge(Request(Wanted.PRICE), found)
    assert (price.verdict, price.doubt, price.parts[0].text) == (Verdict.ANSWERED, None, "5.00")
