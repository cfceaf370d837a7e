"""Why what was read may not be what is written, beside what is wrong with the photo."""

from __future__ import annotations

from enum import StrEnum


class Doubt(StrEnum):
    """What is said of it."""

    LETTERS = "letters"  # they may be Cyrillic or Greek
    REST = "rest"  # there are more lines, not read yet
    UNREAD = "unread"  # what looks like text cannot be read at all
