"""The same tokens as text.py's, fast: what a language's patterns say is told in C wherever they are understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ._cutter import Cutter, Joiner
from .branches import tables_of
from .rules import Rules
from .text import ALL, Splitter, chunks_of


class FastSplitter(Splitter):
    """A splitter that cuts no more of a text than its first tokens need."""

    def __init__(self, rules: Rules) -> None:
        self._cutter: Cutter | None = None
        super().__init__(rules)
        if (tables := tables_of(rules.prefix, rules.suffix, rules.infix)) is not None:
            self._cutter = Cutter(tables, self._token_match, self._url_match, self._longest_exception)
        self._joiner = Joiner(self._exceptions, set(self._all_sequences()))

    def texts(self, text: str, most: int = ALL) -> list[str]:
        return self._joiner.join(self._chunks_cut(text, self.enough(most)), most)

    def _chunks_cut(self, text: str, enough: int) -> Iterator[tuple[list[str], bool]]:
        for chunk, blank in chunks_of(text):
            yield self._cut_once(chunk, enough), blank

    def _cut(self, chunk: str, exceptions: Mapping[str, tuple[str, ...]], most: int = ALL) -> list[str]:
        if self._cutter is None or chunk.isspace():  # $ may stand before a last newline
            return super()._cut(chunk, exceptions, most)
        return self._cutter.cut(chunk, exceptions, most)


@lru_cache(maxsize=8)
def splitter_of(rules: Rules) -> FastSplitter:
    """One splitter for all who use the same rules."""
    return FastSplitter(rules)
