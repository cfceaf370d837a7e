"""A bundle's words from what the bundle says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._words import WordTable


def open_words(said: Mapping[str, Any]) -> WordTable:
    """A bundle's words; `said` are the arguments of their table, as `Bundle.word_table` gives them."""
    return WordTable(**said)
