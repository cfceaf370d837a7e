"""The pure-Python twin of the compiled table of word pieces: slow, readable, and the specification of it.

WordPiece (Wu et al. 2016, section 4.1; Devlin et al. 2018) as Hugging Face's `tokenizers` cuts text for BERT: words by
ext/characters.py, then each word greedily into the longest pieces that are in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from .characters import words_of
from .checks import Words, check_piece_table, check_questions, check_rows, check_words, utf8
from .decoding import INNER, join_pieces
from .reading import is_word
from .table_twin import PyVectorTable

MOST_CHARACTERS = 100  # of a word; a longer one is unknown


class PyWordPieceTable(PyVectorTable):
    """Question text to rows of a [V, D] table of vectors of word pieces, padded to the longest question of a batch.

    words[i] belongs to vectors[i]; BERT's vocab.txt is such a list of words. A word that cannot be cut into pieces is
    the row `unknown`, whole. A question begins with the row `first` and ends with the row `last`, the longest too:
    `limit` counts both. Text that reads as a special piece does, as "[SEP]", is text. Thread-safe; read-only once made.
    """

    def __init__(
        self,
        words: Words,
        vectors: NDArray[np.float16] | NDArray[np.float32],
        *,
        first: int,
        last: int,
        unknown: int,
        limit: int = 30,
        lower: bool = True,
        strip: str = "",
    ) -> None:
        """`words` is a sequence of them, or the bytes of words.txt, which are kept and not copied.

        `first`, `last` and `unknown` are rows. `lower` is BERT's "uncased": in lower case and without accents.
        The characters of `strip` are removed from a question before all else.
        Raises TypeError or ValueError when words, vectors and sizes do not fit, or a word stands twice.
        """
        check_piece_table(words, vectors, limit, first, last, unknown)
        super().__init__(vectors, limit=limit, lower=lower)
        self.first, self.last, self.unknown = first, last, unknown
        self.strip = strip
        self._words = [word.decode() for word in check_words(words, self.size)]
        self._rows = {word: row for row, word in enumerate(self._words)}

    def tokens(self, question: str) -> list[str]:
        """All pieces of one question, uncut, as they stand in the vocabulary. Raises ValueError on lone surrogates."""
        return [self._words[row] for row in self.found(question)[1:-1]]

    def texts(self, question: str) -> list[str]:
        """The same as `tokens`: what the pieces were in the question, before accents went, is not kept."""
        return self.tokens(question)

    def decode(self, rows: Iterable[int], *, special: Collection[int] = ()) -> str:
        """The text of an answer's rows, without first, last and unknown ones, and without those of `special`.

        Raises ValueError where one is no row of the table, as -1 is not.
        """
        left_out = {self.first, self.last, self.unknown, *special}
        return join_pieces(self._words[row] for row in check_rows(rows, self.size) if row not in left_out)

    def found(self, question: str) -> list[int]:
        """All rows of one question, uncut, with the first and the last one."""
        (question,) = check_questions([question])
        utf8(question)
        words = words_of(question, lower=self.lower, strip=self.strip)
        return [self.first, *(row for word in words for row in self._pieces(word)), self.last]

    def cut(self, rows: list[int]) -> list[int]:
        """Those of a question's rows that are read: the last one is kept."""
        return [*rows[:-1][: self.limit - 1], self.last]

    def is_known(self, row: int) -> bool:
        """Whether it is the row of one piece, with a letter or a digit, and not of all that are unknown."""
        return row not in (self.first, self.last, self.unknown) and is_word(self._words[row])

    def _pieces(self, word: str) -> list[int]:
        """A word's rows: of the longest piece that it begins with, the longest that the rest begins with, and so on."""
        if len(word) > MOST_CHARACTERS:
            return [self.unknown]
        pieces: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                row = self._rows.get((INNER if start else "") + word[start:end])
                if row is not None:
                    break
            else:
                return [self.unknown]
            pieces.append(row)
            start = end
        return pieces
