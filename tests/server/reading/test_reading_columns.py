"""Columns of running text are read one after the other; tables, receipts and all else row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from PIL import ImageFont

from asksight.server.reading.found import Line, Point
from asksight.server.reading.order import rows

SIZE_PX, WIDTH, HEIGHT = 20.0, 1600, 1200  # of print, and of the page
FONT = ImageFont.load_default(SIZE_PX)
ARTICLE = (
    "The harbour was quiet before the storm came in from the west and the boats were tied to the quay. Nobody had "
    "expected that the lamp on the mole would burn all night, for the keeper was ill and his daughter away. In the "
    "morning the people of the town found the door open and the stairs wet with rain. They asked the baker, who "
    "rises early, and he said that he had seen a light move along the wall, slowly, as if someone carried it."
)

Cell = tuple[str, float, float]  # text, and where it begins, px


def wrapped(text: str, left: float, top: float, width: float) -> list[Cell]:
    """Lines of running text in a column, ragged at its right."""
    cells: list[Cell] = []
    words = text.split()
    while words:
        count = 1
        while count < len(words) and FONT.getlength(" ".join(words[: count + 1])) <= width:
            count += 1
        cells.append((" ".join(words[:count]), left, top + 1.4 * SIZE_PX * len(cells)))
        words = words[count:]
    return cells


def read(cells: Sequence[Cell], place: Callable[[Point], Point] = lambda point: point) -> list[str]:
    """The rows in the order in which they are read; `place` says where a point of the page lies in the photo."""
    lines = []
    for text, left, top in cells:
        right, bottom = left + FONT.getlength(text), top + 1.2 * SIZE_PX
        one, two, three, four = (
            (x / WIDTH, y / HEIGHT)
            for x, y in map(place, ((left, top), (right, top), (right, bottom), (left, bottom)))
        )
        lines.append(Line(text=text, mean=1, least=1, corners=(one, two, three, four), height_px=24))
    mixed = [*lines[::-2], *lines[-2::-2]]
    return [" ".join(line.text for line in row) for row in rows(mixed, WIDTH / HEIGHT)]


def newspaper(columns: int, *, indent: float = 0) -> list[Cell]:
    width = 1400 / columns
    cells: list[Cell] = []
    for number in range(columns):
        text = f"Column {number} begins here. {ARTICLE}"
        column = wrapped(text, 60 + number * (width + 40), 200 + 3 * number, width)
        first, left, top = column[0]
        cells += [(first, left + indent, top), *column[1:]]
    return cells


def texts(cells: Sequence[Cell]) -> list[str]:
    return [text for text, _, _ in cells]


def straight(point: Point) -> Point:
    return point


def leaning(point: Point) -> Point:
    x, y = point
    return x + 0.06 * y, y - 0.06 * x


def at_a_slant(point: Point) -> Point:
    """The far end of the page is a tenth narrower, and its columns lean towards each other."""
    x, y = point
    share = 0.9 + 0.1 * y / HEIGHT
    return WIDTH / 2 + (x - WIDTH / 2) * share, y


@pytest.mark.parametrize("place", [straight, leaning, at_a_slant])
@pytest.mark.parametrize("columns", [2, 3])
def test_columns_of_a_newspaper_are_read_one_after_the_other(
    columns: int, place: Callable[[Point], Point]
) -> None:
    page = newspaper(columns, indent=25)
    assert read(page, place) == texts(page)


def test_a_headline_is_read_first_and_a_line_across_parts_the_page() -> None:
    above, below = newspaper(2), [(text, left, top + 480) for text, left, top in newspaper(2)]
    headline = (
        "A LIGHT AT NIGHT: the keeper of the mole, his daughter, the baker and what they saw",
        300.0,
        120.0,
    )
    between = ("And on page seven: the whole story of the storm, and of all that came of it", 300.0, 630.0)
    page = [headline, *above, between, *below]
    assert max(top for _, _, top in above) < between[2] < min(top for _, _, top in below)
    assert read(page) == texts(page)


PRICES = [("Whole milk 1.5 l from the valley", "1.29"), ("Bread", "2.40"), ("Eggs of Sunny Farm", "3.69"),
          ("Butter of Golden Grain", "2.19"), ("Mineral water", "4.49"), ("TOTAL", "14.06")]  # fmt: skip
ANSWERS = [("First name", "Anna"), ("Family name", "van der Berg"), ("Date of birth", "12.03.1987"),
           ("Place of birth", "Sint-Niklaas"), ("Nationality", "Belgian"), ("Valid until", "04.11.2031")]  # fmt: skip
TIMES = [("Central Station", "Old Mill", "Harbour Office"), ("08:15", "08:31", "08:44"), ("09:15", "09:31", "09:44"),
         ("10:15", "10:31", "10:44"), ("11:15", "11:31", "11:44"), ("12:15", "12:31", "12:44")]  # fmt: skip
GLOSSARY = [("quay", "a place where boats are tied"), ("mole", "a wall that keeps the waves out of a harbour"),
            ("keeper", "who looks after a lamp"), ("baker", "who rises early"), ("lamp", "what burns all night"),
            ("stairs", "what is wet with rain in the morning")]  # fmt: skip


@pytest.mark.parametrize("place", [straight, leaning, at_a_slant])
@pytest.mark.parametrize("table", [PRICES, ANSWERS, TIMES, GLOSSARY])
def test_tables_are_read_row_by_row(
    table: Sequence[tuple[str, ...]], place: Callable[[Point], Point]
) -> None:
    cells = [
        (text, 100.0 + 480 * along, 100.0 + 40 * down)
        for down, row in enumerate(table)
        for along, text in enumerate(row)
    ]
    assert read(cells, place) == [" ".join(row) for row in table]


def test_running_text_alone_is_read_from_top_to_bottom() -> None:
    page = wrapped(ARTICLE, 100, 100, 900)
    assert read(page) == texts(page)
