"""What the pure-Python twins of the compiled tables share: rows to padded vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .checks import check_questions, checked_out
from .reading import Reading


class PyVectorTable:
    """Questions to vectors, padded to the longest question of a batch; those that inherit say which rows they are."""

    def __init__(
        self, vectors: NDArray[np.float16] | NDArray[np.float32], *, limit: int, lower: bool
    ) -> None:
        self.size, self.dimension = vectors.shape
        self.limit = limit
        self.lower = lower
        self._vectors = vectors

    def found(self, question: str) -> list[int]:
        """All rows of one question, uncut."""
        raise NotImplementedError

    def cut(self, rows: list[int]) -> list[int]:
        """Those of a question's rows that are read."""
        return rows[: self.limit]

    def is_known(self, row: int) -> bool:
        """Whether it is the row of one word, with a letter or a digit, and not of all that are unknown."""
        raise NotImplementedError

    def token_counts(self, questions: Sequence[str]) -> NDArray[np.int32]:
        """[N]: how many tokens each question has before it is cut at `limit`."""
        return np.array([len(self.found(question)) for question in check_questions(questions)], np.int32)

    def rows(
        self, questions: Sequence[str], *, to_limit: bool = False, out: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows [N, T], padded with -1, and lengths [N].

        T is the longest question of the batch, at least 1 and at most `limit`; with `to_limit` always that. A
        question without tokens has the length 0 and a row of padding; no questions give [0, 1]. With `out`, any
        array in C order that has room, the rows are a view of its beginning. Raises ValueError on lone surrogates.
        """
        found = [self.cut(self.found(question)) for question in check_questions(questions)]
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
        found = [self.found(question) for question in questions]
        cut = [len(rows) > self.limit for rows in found]
        known = [any(map(self.is_known, self.cut(rows))) for rows in found]
        return Reading(vectors, lengths, np.array(cut, np.bool_), np.array(known, np.bool_))
