"""Vectors in text, one word a line: GloVe has no header; word2vec and fastText begin with "words dimensions".

Lines are cut at newlines alone and numbers are counted from the right, since words of the wild hold blanks (". . .",
"at name@domain.com" in GloVe 840B), carriage returns and bytes that are no UTF-8. fastText ends lines with a blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..errors import VectorError

Wanted = Callable[[bytes], bool]  # whether the vector of a word is worth parsing
Rows = Iterator[tuple[bytes, NDArray[np.float32]]]


def text_rows(file: IO[bytes], source: str, *, header: tuple[int, int] | None, wanted: Wanted) -> Rows:
    """The rows of wanted words, in the file's order; `header` is the count and dimension read before.

    Raises VectorError naming the line that is broken, or where lines are missing that the header tells of.
    """
    dimension = header[1] if header else None
    first = 2 if header else 1
    lines = 0
    for line in file:
        lines += 1
        line = line.rstrip(b" \r\n")
        if dimension is None:
            dimension = line.count(b" ")
        # The first piece is the word or, where that holds blanks, its beginning: enough to pass nearly all lines over.
        if not wanted(line.partition(b" ")[0]):
            continue
        word, *numbers = line.rsplit(b" ", dimension)
        if len(numbers) == dimension and not wanted(word):
            continue  # it holds blanks after all
        yield word, _vector(numbers, dimension, f"{source}: line {first + lines - 1}")
    if header and lines < header[0]:
        raise VectorError(
            f"{source} holds {lines} of the {header[0]} words that its first line tells of. Is it all there?"
        )


def dimension_of(line: bytes) -> int:
    """How many numbers stand behind the word of one line."""
    return line.rstrip(b" \r\n").count(b" ")


def _vector(numbers: list[bytes], dimension: int, place: str) -> NDArray[np.float32]:
    try:
        vector = np.array(numbers, dtype=np.bytes_).astype(np.float32) if numbers else np.zeros(0, np.float32)
    except ValueError as error:
        raise VectorError(f"{place} is broken: {error}.") from error
    if len(vector) != dimension:
        raise VectorError(f"{place} has {len(vector)} numbers, where there should be {dimension}.")
    return vector
