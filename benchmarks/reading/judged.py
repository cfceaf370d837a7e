"""Whether what was read is right: held against what is written, letter by letter."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from asksight.server.reading.found import Line
from asksight.server.reading.order import rows

CURRENCY = "€$£¥₹ "


def lines_of(found: Sequence[dict[str, Any]]) -> list[Line]:
    """As read_all.py kept them."""
    return [Line(**{**one, "corners": tuple(map(tuple, one["corners"]))}) for one in found]


def letters(text: str) -> str:
    """Letters and digits, without case; marks and spaces do not count."""
    return "".join(one for one in unicodedata.normalize("NFKC", text).casefold() if one.isalnum())


def value(text: str) -> str:
    """A price, a date or a number, to the mark."""
    return "".join(one for one in text if one not in CURRENCY).casefold()


def edits(one: str, other: str) -> int:
    """How many characters have to be put in, left out or changed (Levenshtein)."""
    before = np.arange(len(other) + 1)
    for char in one:
        now = np.empty_like(before)
        now[0] = before[0] + 1
        changed = before[:-1] + (np.array(list(other)) != char) if other else before[:0]
        now[1:] = np.minimum(changed, before[1:] + 1)
        # Putting in: each may come from the left, one more at every step.
        steps = np.arange(len(now))
        before = np.minimum.accumulate(now - steps) + steps
    return int(before[-1])


def joined(read: Iterable[Sequence[Line]]) -> list[str]:
    """The text of each row."""
    return [" ".join(line.text for line in row) for row in read]


def right_lines(found: Sequence[Line], form: float, truth: Sequence[str]) -> list[tuple[Line, bool]]:
    """Each line, and whether it is right: by itself, or together with those in its row."""
    written = {letters(row) for row in truth}
    judged = []
    for row in rows(found, form):
        whole = letters(" ".join(line.text for line in row)) in written
        judged += [(line, whole or letters(line.text) in written) for line in row]
    return judged
