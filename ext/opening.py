"""A bundle's words, or their pieces, from what the bundle says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import WordPieceTable, WordTable


def open_words(said: Mapping[str, Any]) -> WordTable | WordPieceTable:
    """A bundle's words; `said` are the arguments of their table, as `Bundle.word_table` gives them.

    A table of pieces is told the row that goes `first`. Raises TypeError or ValueError as the tables do.
    """
    return WordPieceTable(**said) if "first" in said else WordTable(**said)
