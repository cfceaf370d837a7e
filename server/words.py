"""A bundle's words as the table that questions are looked up in, cut by the bundle's own rules."""

from __future__ import annotations

from asksight.engine import Bundle, BundleError
from asksight.ext import WordTable


def word_table(bundle: Bundle) -> WordTable:
    """Make the table; no ask has to wait for its rules any more. Raises BundleError where they are none."""
    try:
        table = WordTable(**bundle.word_table)
        table.rows(["(new)"])  # compiles the rules' patterns, some 30 ms
    except ValueError as error:
        raise BundleError(f"{bundle.path / 'tokenizer.json'}: {error}. Export the bundle again.") from error
    return table
