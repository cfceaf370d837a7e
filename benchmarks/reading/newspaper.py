"""Whether columns of drawn newspapers, photographed, are read one after the other, and tables row by row.

    python -m reading.newspaper --count 20      (in benchmarks/)

Right is a photo where the lines that were read to the letter come in the order in which they are written.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant
from asksight.server.reading import certainty, columns, order
from asksight.server.reading.found import FoundText

from .judged import letters
from .photographed import photographed
from .written import GOODS, MESSAGES, NOTICES, ORDINARY, SMALL_PRINT, Random, font, one_font, price

SIZE = (1100, 820)  # of a page, px
NEVER = 10**6  # lines that a column would have to have
NEAR = 0.7  # of the photo is the page at least: its print can be read
SENTENCES = [*NOTICES, *SMALL_PRINT, *MESSAGES]

Page = tuple[Image.Image, list[str]]  # and its lines in reading order


def newspaper(random: Random) -> Page:
    """A headline over two or three columns of running text."""
    picture, draw = _sheet()
    count = int(random.integers(2, 4))
    names, size_px = one_font(ORDINARY, random), int(random.integers(17, 22))
    print_ = font(names, size_px, random)
    headline = f"{_one(NOTICES, random)}: {_one(MESSAGES, random)}"
    draw.text((60, 40), headline, (30, 30, 30), font(names, 2 * size_px, random))
    lines = [headline]
    width = (SIZE[0] - 120) / count - 24
    for column in range(count):
        top, row = 60 + 4 * size_px, ""
        while top < SIZE[1] - 60:
            for word in _one(SENTENCES, random).split():
                if print_.getlength(f"{row} {word}") <= width:
                    row = f"{row} {word}".strip()
                    continue
                if top < SIZE[1] - 60:
                    draw.text((60 + column * (width + 24), top), row, (30, 30, 30), print_)
                    lines.append(row)
                top, row = top + int(1.35 * size_px), word
    return picture, lines


def table(random: Random) -> Page:
    """What is sold, in one or two columns of words, and its price."""
    picture, draw = _sheet()
    names, size_px = one_font(ORDINARY, random), int(random.integers(20, 28))
    print_ = font(names, size_px, random)
    both = random.random() < 0.5
    lines = []
    for row in range(int(random.integers(6, 14))):
        cells = [_one(GOODS, random), *([_one(SMALL_PRINT, random)] if both else []), price(random)]
        for text, left in zip(cells, (60, 380, 900) if both else (60, 600), strict=True):
            draw.text((left, 60 + 1.8 * size_px * row), text, (30, 30, 30), print_)
        lines += cells
    return picture, lines


def _sheet() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", SIZE, (240, 238, 230))
    return picture, ImageDraw.Draw(picture)


def _one(choices: Sequence[str], random: Random) -> str:
    return choices[int(random.integers(len(choices)))]


def places(found: FoundText, lines: Sequence[str]) -> list[int]:
    """Where lines that were read right, and are written once, come among all, as they are read."""
    written = [letters(line) for line in lines]
    read = [
        letters(line.text) for row in order.rows(certainty.legible(found.lines), found.form) for line in row
    ]
    return [written.index(text) for text in read if written.count(text) == 1]


def in_order(read: Sequence[tuple[FoundText, Sequence[str]]]) -> int:
    """How many photos are read in order."""
    found = [places(*one) for one in read]
    return sum(one == sorted(one) for one in found)


def photos(make: Callable[[Random], Page], count: int, seed: int) -> Iterator[tuple[bytes, list[str]]]:
    for number in range(count):
        random = np.random.default_rng((seed, number))
        picture, lines = make(random)
        yield photographed(picture, random, smallest=NEAR), lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with LocalAssistant() as local:
        local.add_reader(threads=2)
        reader = local.assistant.reader
        assert reader is not None
        for make in (newspaper, table):
            read = [
                (local.thread.run(reader.read(Ask(question="", photo=photo))).text, lines)
                for photo, lines in photos(make, given.count, given.seed)
            ]
            lines_read = sum(len(places(*one)) for one in read)
            by_columns = in_order(read)
            told, columns.LEAST_LINES = columns.LEAST_LINES, NEVER
            row_by_row = in_order(read)
            columns.LEAST_LINES = told
            print(
                f"{make.__name__}: {len(read)} photos, {lines_read} lines read, in order {by_columns}, "
                f"row by row alone {row_by_row}",
                flush=True,
            )


if __name__ == "__main__":
    main()
