"""word2vec's binary form: "words dimensions" in a line, then each word, a blank, and its numbers as float32.

The C program writes a newline behind each vector, gensim does not; both are read.
"""

from __future__ import annotations

from typing import IO

import numpy as np

from ..errors import VectorError
from .text import Rows, Wanted

_CHUNK = 1 << 20
_LONGEST_WORD = 4096  # bytes; more means that this is something else


def binary_rows(file: IO[bytes], source: str, *, header: tuple[int, int], wanted: Wanted) -> Rows:
    """The rows of wanted words, in the file's order. Raises VectorError where the file ends early."""
    count, dimension = header
    size = 4 * dimension
    held, at = b"", 0
    for number in range(count):
        if len(held) - at < _LONGEST_WORD + size:
            held, at = held[at:] + file.read(_CHUNK + size), 0
        blank = held.find(b" ", at, at + _LONGEST_WORD)
        start = blank + 1
        if blank < 0 or start + size > len(held):
            raise VectorError(
                f"{source} holds {number} of the {count} words that its first line tells of. Is it all there?"
            )
        word, at = held[at:blank].lstrip(b"\n"), start + size
        if wanted(word):
            yield word, np.frombuffer(held, "<f4", dimension, start).astype(np.float32)
