"""The same tokens as text.py's, fast: C tells what a language's patterns say, and no more is cut than is asked for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import lru_cache

from ._cutter import Cutter, Joiner
from .branches import tables_of
from .rules import Rules
from .text import Splitter, chunks_of

ALL = sys.maxsize  # of the tokens


class FastSplitter(Splitter):
    """Texts to tokens by one language's rules. Thread-safe: what is kept of the last chunk is replaced as a whole.

    Where a pattern is not understood, `re` is asked, about the edges of a chunk alone where that is enough.
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        tables = tables_of(rules.prefix, rules.suffix, rules.infix)
        self._cutter = Cutter(
            tables,
            self._exceptions,
            prefix=self._prefix if tables.prefix is None else None,
            suffix=self._suffix if tables.suffix is None else None,
            infixes=self._infixes if tables.infix is None else None,
            token_match=self._token_match,
            url_match=re.compile(linear(rules.url_match)).match if rules.url_match else None,
        )
        self._joiner = Joiner(self._exceptions, self._all_sequences())
        self._last: tuple[str, int, list[str]] = ("", 0, [])

    def texts(self, text: str, most: int = ALL) -> list[str]:
        """The first `most` tokens."""
        return self._joiner.join(self._chunks_cut(text, most), most)

    def chunk(self, chunk: str, most: int = ALL) -> tuple[list[str], bool]:
        """The first `most` tokens of one chunk before step 3, and whether step 3 could change them in some text."""
        tokens = self._cut_first(chunk, most)
        return tokens[:most], self._may_change(tokens[: most + self._joiner.beyond])

    def _chunks_cut(self, text: str, most: int) -> Iterator[tuple[list[str], bool]]:
        for chunk, blank in chunks_of(text):
            yield self._cut_first(chunk, most), blank

    def _cut_first(self, chunk: str, most: int) -> list[str]:
        """As many tokens as tell the first `most` after step 3; asked twice where a chunk depends on others."""
        last = self._last
        if last[:2] != (chunk, most):
            enough = min(ALL, self._joiner.longest * most + self._joiner.beyond)
            last = self._last = (chunk, most, self._first(chunk, enough))
        return last[2]

    def _first(self, chunk: str, most: int) -> list[str]:
        if chunk[-1] == "\n":  # $ also stands before it; a chunk of white space
            return self._cut(chunk, self._exceptions)
        return self._cutter.cut(chunk, most)


def linear(url_match: str) -> str:
    """The same pattern without a part of spaCy's that takes the square of the time: \\S+ holds colons too."""
    return url_match.replace(r"(?:\S+(?::\S*)?@)?", r"(?:\S+@)?")


@lru_cache(maxsize=8)
def splitter_of(rules: Rules) -> FastSplitter:
    """One splitter for all who use the same rules."""
    return FastSplitter(rules)
