"""What a question wants to be read, and the part of the text that is it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_photos import line

from asksight.server.asks import Skill
from asksight.server.reading.asked import Request, Wanted, asked_to_read, cut
from asksight.server.reading.found import Line
from asksight.server.reply.skills import missing_skill

Rows = list[list[Line]]


def written(*texts: str, heights: tuple[float, ...] = ()) -> Rows:
    """A line a row; " | " parts the lines of one row."""
    return [
        [
            line(text, 0.1 + 0.4 * along, 0.1 * down, height=heights[down] if heights else 0.04)
            for along, text in enumerate(row.split(" | "))
        ]
        for down, row in enumerate(texts)
    ]


def said(what: Wanted, rows: Rows, word: str = "") -> tuple[list[str], bool]:
    found = cut(Request(what, word), rows)
    return [part.text for part in found.parts], found.plain


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("What does this say?", Wanted.ALL),
        ("Please read it", Wanted.ALL),
        ("What is the price?", Wanted.PRICE),
        ("How much does this cost?", Wanted.PRICE),
        ("How much is it?", Wanted.PRICE),
        ("What’s the total?", Wanted.PRICE),
        ("When does this milk expire?", Wanted.EXPIRY),
        ("What is the use-by date?", Wanted.EXPIRY),
        ("What is the date on this letter?", Wanted.DATE),
        ("What is the room number?", Wanted.NUMBER),
        ("Which number is on the door?", Wanted.NUMBER),
        ("Read the largest line", Wanted.LARGEST),
        ("What is the title of this book?", Wanted.LARGEST),
    ],
)
def test_questions_that_want_something_read(question: str, what: Wanted) -> None:
    to_read = missing_skill(question, dates_are_read=True) is Skill.READ_TEXT
    request = asked_to_read(question, to_read=to_read)
    assert request is not None
    assert request.what is what
    assert asked_to_read(question.upper(), to_read=to_read) == request


@pytest.mark.parametrize(
    "question",
    [
        "What colour is the sign?",
        "How many numbers are there?",
        "What number is this?",
        "How much water is in the glass?",
        "What date was this photo taken?",
        "Is he reading a book?",
        "What is this?",
    ],
)
def test_questions_that_do_not(question: str) -> None:
    assert asked_to_read(question, to_read=False) is None


@pytest.mark.parametrize(
    ("question", "skill"),
    [
        ("Has this milk expired?", Skill.MEDICINE),
        ("What is the expiry date of these tablets?", Skill.MEDICINE),
        ("When do my eye drops expire?", Skill.MEDICINE),
        ("What is the expiry date of this pill?", Skill.MEDICINE),
        ("What is the denomination of this price?", Skill.MONEY),
        ("Read the sign and tell me: is it safe to cross?", Skill.ROAD),
    ],
)
def test_medicine_money_and_roads_stay_refused(question: str, skill: Skill) -> None:
    assert missing_skill(question, dates_are_read=True) is skill


def test_a_date_is_read_only_where_that_can_be_done() -> None:
    assert missing_skill("What is the expiry date?") is Skill.MEDICINE
    assert missing_skill("What is the expiry date?", dates_are_read=True) is None


def test_all_is_said_row_by_row() -> None:
    assert said(Wanted.ALL, written("Shop", "Milk | 1.29")) == (["Shop, Milk 1.29"], True)
    assert said(Wanted.ALL, []) == ([], False)


@pytest.mark.parametrize(
    ("rows", "parts", "plain"),
    [
        (written("Apples | € 2.49"), ["€ 2.49"], True),
        (written("2,49 €", "500 g", "12.03.2027"), ["2,49 €"], True),
        (written("Milk | 1.29", "Bread | 2.40", "Subtotal | 3.69", "TOTAL | 3.69"), ["3.69"], True),
        (written("Total 12.00", "Cash 20.00", "Change 8.00"), ["12.00"], True),
        (written("Small 2.00", "Large 3.00"), ["2.00", "3.00"], False),
        (written("3.99", "was 5.99", heights=(0.1, 0.03)), ["3.99", "5.99"], True),
        (written("$1,299.00"), ["$1,299.00"], True),
        (written("Open 9.00-17.00"), [], False),
        (written("Fat 3.5 %", "Call 030/123"), [], False),
    ],
)
def test_the_price(rows: Rows, parts: list[str], plain: bool) -> None:
    assert said(Wanted.PRICE, rows) == (parts, plain)


@pytest.mark.parametrize(
    ("rows", "parts", "plain"),
    [
        (written("TOTAL 12.50", "TOTAL SAVINGS 3.00"), ["12.50"], True),
        (written("TOTAL 12.50", "TOTAL VAT 1.20"), ["1.20", "12.50"], False),
        (written("Milk 1.20", "TOTAL"), ["1.20"], False),
        (written("Total 12.50", "Total due 10.00"), ["10.00", "12.50"], False),
        (written("0.75 l", "12.50 % vol", "Total fat 1.50g"), [], False),
        (written("1 234,50 €"), ["1 234,50 €"], True),
        (written("CHF 1'234.50"), ["CHF 1'234.50"], True),
        (written("€ 5 500 g"), ["€ 5"], True),
        (written("Pizza 12 €", "Cola 2.50 €"), ["12 €", "2.50 €"], False),
        (written("Dim Sum 5.00", "Noodles 8.00"), ["5.00", "8.00"], False),
        (written("SAVE $5.00"), ["$5.00"], False),
        (written("12 €", "Deposit 0.25 €"), ["12 €", "0.25 €"], False),
        (written("20% off: $8.00", "was $10.00"), ["$8.00", "$10.00"], False),
    ],
)
def test_what_looks_like_a_price_and_is_none(rows: Rows, parts: list[str], plain: bool) -> None:
    assert said(Wanted.PRICE, rows) == (parts, plain)


@pytest.mark.parametrize(
    ("question", "first", "plain"),
    [
        ("How much does the milk cost?", "1.20", True),
        ("How much is the bread?", "2.50", True),
        ("What is the price of bread?", "2.50", True),
        ("How much are the eggs?", "1.20", False),
        ("How much does this cost?", "3.70", True),
        ("How much is the total?", "3.70", True),
        ("What does it all cost?", "3.70", True),
    ],
)
def test_the_price_of_what_is_named_is_not_the_total(question: str, first: str, plain: bool) -> None:
    request = asked_to_read(question, to_read=False)
    assert request is not None
    found = cut(request, written("Milk 1.20", "Bread | 2.50", "TOTAL | 3.70"))
    assert (found.parts[0].text, found.plain) == (first, plain)


@pytest.mark.parametrize(
    "question", ["What does the second line say?", "Read the bottom line", "What is written in red?"]
)
def test_all_is_not_plainly_what_a_part_of_it_was_asked_for(question: str) -> None:
    request = asked_to_read(question, to_read=True)
    assert request is not None
    assert not cut(request, written("Way out", "No entry")).plain
    assert cut(request, []).parts == ()


def test_a_price_is_no_total_where_no_total_is_written() -> None:
    request = asked_to_read("What is the total?", to_read=False)
    assert request is not None
    assert not cut(request, written("Milk 1.20", "Bread 1.20")).plain
    assert not cut(request, written("Milk 1.20")).plain
    assert cut(request, written("Milk 1.20", "TOTAL 1.20")).plain


@pytest.mark.parametrize(
    ("rows", "parts", "plain"),
    [
        (written("Best before: see lid", "Packed 12.03.2027"), ["12.03.2027"], False),
        (written("Exp. date: see cap", "LOT 12.05.23"), ["12.05.23"], False),
        (written("LOT A12 EXP 03/2027"), ["03/2027"], True),
        (written("Best before: see lid", "Marmalade 50 g"), [], False),
        (written("MFG 01/2023 EXP 01/2025"), ["01/2023", "01/2025"], False),
        (written("Best before | 12.03.2027"), ["12.03.2027"], True),
        (written("Packed 01.02.2026", "EXP 03/2027"), ["03/2027"], True),
        (written("Use by:", "27 NOV 2027"), ["27 NOV 2027"], True),
        (written("L1234", "12.03.2027"), ["12.03.2027"], False),  # nobody says that it is this one
        (written("Keep cool"), [], False),
    ],
)
def test_the_date_to_use_it_by(rows: Rows, parts: list[str], plain: bool) -> None:
    assert said(Wanted.EXPIRY, rows) == (parts, plain)


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-12",
        "12/03/27",
        "12 03 27",
        "27NOV2027",
        "12 marzo 2027",
        "12 March 2027",
        "Mar 12, 2027",
        "12.3.2027",
        "03/2027",
        "MAR 2027",
    ],
)
def test_dates_in_many_forms(text: str) -> None:
    assert said(Wanted.DATE, written(f"Berlin, {text}")) == ([text], True)


@pytest.mark.parametrize("text", ["06 12 34 56 78", "10.10.10.10", "Section 10", "Marlboro 20", "50/50"])
def test_what_looks_like_a_date_and_is_none(text: str) -> None:
    assert said(Wanted.DATE, written(text)) == ([], False)


def test_two_dates_are_not_plain_and_one_twice_is() -> None:
    assert said(Wanted.DATE, written("01.02.2026", "03.02.2026")) == (["01.02.2026", "03.02.2026"], False)
    assert said(Wanted.DATE, written("01.02.2026", "01.02.2026")) == (["01.02.2026"], True)


@pytest.mark.parametrize(
    ("rows", "word", "parts", "plain"),
    [
        (written("Room 214", "Floor 2"), "room", ["214"], True),
        (written("Call +49 30 901820"), "phone", ["+49 30 901820"], True),
        (written("12.50 €", "12.03.2027", "42"), "", ["42"], True),
        (written("12", "14"), "", ["12", "14"], False),
        (written("Bus 7A"), "bus", ["7A"], True),
        (written("Est. 1998"), "bus", ["1998"], False),
        (written("Room 214"), "phone", [], False),
        (written("Room 214"), "flight", ["214"], False),
        (written("214"), "room", ["214"], True),
        (written("Bathroom 2", "Office 214"), "room", ["2", "214"], False),
        (written("Dr. Martin", "06 12 34 56 78"), "phone", ["06 12 34 56 78"], True),
        (written("GATE", "22", "Gate closes 9 min before"), "gate", ["9"], False),
        (written("Way out"), "", [], False),
    ],
)
def test_a_number(rows: Rows, word: str, parts: list[str], plain: bool) -> None:
    assert said(Wanted.NUMBER, rows, word) == (parts, plain)


@pytest.mark.parametrize(
    ("texts", "parts", "plain"),
    [
        (["GATE", "B22"], ["B22"], True),
        (["Way out", "Gate:", "22", "Boards soon"], ["22"], True),
        (["GATE", "22", "23"], ["22", "23"], False),  # a table's column
        (["22", "GATE", "23"], ["22", "23"], False),
        (["GATE", "Lane 22"], ["22"], False),
        (["GATE", "Boards", "22"], ["22"], False),
        (["GATE | ROW", "22 | 14"], ["22", "14"], False),
    ],
)
def test_a_number_right_below_its_word(texts: list[str], parts: list[str], plain: bool) -> None:
    rows = written(*texts, heights=(0.08,) * len(texts))
    assert said(Wanted.NUMBER, rows, "gate") == (parts, plain)
    if plain:  # both lines have to be certain
        assert len(cut(Request(Wanted.NUMBER, "gate"), rows).parts[0].lines) == 2
        apart = written(*texts, heights=(0.03,) * len(texts))
        assert said(Wanted.NUMBER, apart, "gate") == (parts, False)


def test_the_largest_line_stands_out_or_not() -> None:
    assert said(Wanted.LARGEST, written("small", "LARGE", heights=(0.02, 0.06))) == (["LARGE", "small"], True)
    assert said(Wanted.LARGEST, written("one", "two")) == (["one", "two"], False)


@given(st.sampled_from(Wanted), st.lists(st.text(max_size=30), max_size=6))
def test_whatever_is_written_what_is_cut_is_written_there(what: Wanted, texts: list[str]) -> None:
    found = cut(Request(what), [[line(text, 0.1, 0.1)] for text in texts])
    for part in found.parts:
        assert part.lines
        if what is not Wanted.ALL:
            assert part.text in part.lines[0].text
