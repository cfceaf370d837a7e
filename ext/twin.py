"""The pure-Python twin of the compiled word table: slow, readable, and the specification of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import check_questions, check_table, check_words, utf8
from .text import split_tokens


class PyWordTable:
    """Question text to rows of a [V, D] table of word vectors, padded to the longest question of a batch.

    words[i] belongs to vectors[i]; the last `unknown_rows` rows are shared by all words that are not in the
    table. A typographic apostrophe (’) finds the word with a straight one. Thread-safe; read-only once made.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: NDArray[np.float16] | NDArray[np.float32],
        *,
        limit: int = 30,
        lower: bool = True,
        unknown_rows: int = 1,
    ) -> None:
        """`limit` cuts a question after so many tokens; `lower` lower-cases the questions, never the words.

        Raises TypeError or ValueError when words, vectors and sizes do not fit, or a word stands twice.
        """
        check_table(words, vectors, limit, unknown_rows)
        self.size, self.dimension = vectors.shape
        self.limit = limit
        self.lower = lower
        self.unknown_rows = unknown_rows
        self._vectors = vectors
        known = check_words(words, self.size - unknown_rows)
        self._rows = {word: row for row, word in enumerate(known)}  # by UTF-8

    def tokens(self, question: str) -> list[str]:
        """All tokens of one question, uncut. Raises ValueError on lone surrogates."""
        utf8(*check_questions([question]))
        return split_tokens(question, lower=self.lower)

    def token_counts(self, questions: Sequence[str]) -> NDArray[np.int32]:
        """[N]: how many tokens each question has before it is cut at `limit`."""
        return np.array([len(self.tokens(question)) for question in check_questions(questions)], np.int32)

    def rows(self, questions: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows [N, T], padded with -1, and lengths [N].

        T is the longest question of the batch, at least 1 and at most `limit`. A question without tokens has
        the length 0 and a row of padding; no questions give [0, 1]. Raises ValueError on lone surrogates.
        """
        found = [
            [self._row(token) for token in self.tokens(question)[: self.limit]]
            for question in check_questions(questions)
        ]
        longest = max([1, *map(len, found)])
        rows = np.full((len(found), longest), -1, np.int32)
        for row, numbers in zip(rows, found, strict=True):
            row[: len(numbers)] = numbers
        return rows, np.array([len(numbers) for numbers in found], np.int32)

    def vectors(self, questions: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Word vectors [N, T, D], zero where no token is, and lengths [N]; T and errors as in `rows`."""
        rows, lengths = self.rows(questions)
        vectors: NDArray[Any] = self._vectors[np.maximum(rows, 0)].astype(np.float32)  # [N, T, D]
        vectors[rows < 0] = 0.0
        return vectors, lengths

    def _row(self, token: str) -> int:
        straight = utf8(token.replace("’", "'"))
        row = self._rows.get(utf8(token), self._rows.get(straight))
        if row is None:
            row = self.size - self.unknown_rows + fnv1a(straight) % self.unknown_rows
        return row


def fnv1a(data: bytes) -> int:
    """FNV-1a, 64 bits (Fowler, Noll, Vo): the same row for a word on every machine and in every language."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
