"""The pure-Python twin of the compiled word table: slow, readable, and the specification of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .checks import Words, check_questions, check_table, check_words, utf8
from .reading import is_word
from .rules import Rules, chosen_rules
from .table_twin import PyVectorTable
from .text import splitter_of


class PyWordTable(PyVectorTable):
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
        super().__init__(vectors, limit=limit, lower=lower)
        self.unknown_rows = unknown_rows
        self._words = check_words(words, self.size - unknown_rows)  # in UTF-8
        self._rows = {word: row for row, word in enumerate(self._words)}

    def texts(self, question: str) -> list[str]:
        """All tokens of one question, uncut, as they stand in it. Raises ValueError on lone surrogates."""
        (question,) = check_questions([question])
        utf8(question)
        return splitter_of(self.rules).texts(question)

    def tokens(self, question: str) -> list[str]:
        """All words of one question that are looked up: its texts, in lower case where the table says so."""
        return [text.lower() if self.lower else text for text in self.texts(question)]

    def found(self, question: str) -> list[int]:
        """All rows of one question, uncut."""
        return [self._row(token) for token in self.tokens(question)]

    def is_known(self, row: int) -> bool:
        """Whether it is the row of one word, with a letter or a digit, and not of all that are unknown."""
        return row < self.size - self.unknown_rows and is_word(self._words[row].decode())

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
