"""The pure-Python twin of the compiled word table: slow, readable, and the specification of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .checks import Words, check_questions, check_table, check_words, checked_out, utf8
from .reading import Reading, is_word
from .rules import Rules, chosen_rules
from .text import splitter_of


class PyWordTable:
    """Question text to rows of a [V, D] table of word vectors, padded to the longest question of a batch.

    words[i] belongs to vectors[i]; the last `unknown_rows` rows are shared by all words that are not in the
    table. A typographic apostrophe (’) finds the word with a straight one. Thread-safe; read-only once made.
    """

    def __init__(
        self,
        words: Words,
        vectors: NDArray[np.float16] | NDArray[np.float32],
        *,
        limit: int = 30,
        lower: bool = True,
        unknown_rows: int = 1,
        rules: Rules | str | None = None,
    ) -> None:
        """`words` is a sequence of them, or the bytes of words.txt, which are kept and not copied.

        `limit` cuts a question after so many tokens. `lower` looks tokens up in lower case; the words stay as they
        are, and the text is cut before it is lowered, since case matters there ("Id" is a word, "id" short for I'd).
        `rules` say how text is cut: None is spaCy's English, a str the text of a bundle's tokenizer.json.
        Raises TypeError or ValueError when words, vectors and sizes do not fit, or a word stands twice.
        """
        check_table(words, vectors, limit, unknown_rows)
        self.rules = chosen_rules(rules)
        self.size, self.dimension = vectors.shape
        self.limit = limit
        self.lower = lower
        self.unknown_rows = unknown_rows
        self._vectors = vectors
        known = check_words(words, self.size - unknown_rows)
        self._rows = {word: row for row, word in enumerate(known)}  # by UTF-8

    def texts(self, question: str) -> list[str]:
        """All tokens of one question, uncut, as they stand in it. Raises ValueError on lone surrogates."""
        (question,) = check_questions([question])
        utf8(question)
        return splitter_of(self.rules).texts(question)

    def tokens(self, question: str) -> list[str]:
        """All words of one question that are looked up: its texts, in lower case where the table says so."""
        return [text.lower() if self.lower else text for text in self.texts(question)]

    def token_counts(self, questions: Sequence[str]) -> NDArray[np.int32]:
        """[N]: how many tokens each question has before it is cut at `limit`."""
        return np.array([len(self.texts(question)) for question in check_questions(questions)], np.int32)

    def rows(
        self, questions: Sequence[str], *, to_limit: bool = False, out: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows [N, T], padded with -1, and lengths [N].

        T is the longest question of the batch, at least 1 and at most `limit`; with `to_limit` always that. A
        question without tokens has the length 0 and a row of padding; no questions give [0, 1]. With `out`, any
        array in C order that has room, the rows are a view of its beginning. Raises ValueError on lone surrogates.
        """
        found = [
            [self._row(token) for token in self.tokens(question)[: self.limit]]
            for question in check_questions(questions)
        ]
        longest = self.limit if to_limit else max([1, *map(len, found)])
        rows = checked_out(out, (len(found), longest), np.dtype(np.int32))
        rows[:] = -1
        for row, numbers in zip(rows, found, strict=True):
            row[: len(numbers)] = numbers
        return rows, np.array([len(numbers) for numbers in found], np.int32)

    def vectors(
        self,
        questions: Sequence[str],
        *,
        to_limit: bool = False,
        dtype: DTypeLike | None = None,
        out: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.int32]]:
        """Word vectors [N, T, D], zero where no token is, and lengths [N]; T, `out` and errors as in `rows`.

        `dtype` is float32 or float16; by default that of `out`, or float32.
        """
        rows, lengths = self.rows(questions, to_limit=to_limit)
        vectors = checked_out(out, (*rows.shape, self.dimension), dtype)
        with np.errstate(over="ignore"):  # a float beyond float16 is infinite there
            vectors[:] = self._vectors[np.maximum(rows, 0)]
        vectors[rows < 0] = 0.0
        return vectors, lengths

    def read(self, questions: Sequence[str]) -> Reading:
        """All that answering needs of questions: vectors and lengths as of `vectors`, and whether to go by them."""
        vectors, lengths = self.vectors(questions)
        tokens = [self.tokens(question) for question in questions]
        known = [
            any(
                is_word(token) and self._row(token) < self.size - self.unknown_rows
                for token in each[: self.limit]
            )
            for each in tokens
        ]
        cut = [len(each) > self.limit for each in tokens]
        return Reading(vectors, lengths, np.array(cut, np.bool_), np.array(known, np.bool_))

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
