"""What both word tables refuse, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 2**31 - 1  # rows are numbered in int32


def check_table(words: Sequence[str], vectors: NDArray[Any], limit: int, unknown_rows: int) -> None:
    """Raises TypeError or ValueError unless these make a word table."""
    if vectors.dtype not in (np.dtype(np.float16), np.dtype(np.float32)):
        raise TypeError(f"vectors must be float16 or float32 in native byte order, not {vectors.dtype}")
    if vectors.ndim != 2 or not vectors.size or not vectors.flags.c_contiguous:
        raise ValueError(f"vectors must be [V, D] in C order, not empty; they have the shape {vectors.shape}")
    if len(words) != len(vectors) or len(words) > MOST_ROWS:
        raise ValueError(f"there are {len(words)} words for {len(vectors)} vectors; each row needs its word")
    if not 1 <= unknown_rows <= len(vectors):
        raise ValueError(f"unknown_rows must be 1 to {len(vectors)}; it is {unknown_rows}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1 token; it is {limit}")


def check_words(words: Sequence[str], known: int) -> list[bytes]:
    """The first `known` words in UTF-8; raises ValueError when one stands twice."""
    rows: dict[bytes, int] = {}
    for row in range(known):
        first = rows.setdefault(utf8(words[row]), row)
        if first != row:
            raise ValueError(f"the word {words[row]!r} stands in rows {first} and {row}; once is allowed")
    return list(rows)


def check_questions(questions: Sequence[str]) -> tuple[str, ...]:
    """A copy that no other thread can change; raises TypeError unless these are strings."""
    if isinstance(questions, str | bytes):
        raise TypeError("questions must be a sequence of str, not one string; put it in a list")
    copy = tuple(questions)
    for at, question in enumerate(copy):
        if not isinstance(question, str):
            raise TypeError(f"question {at} must be a str, not {type(question).__name__}")
    return tuple(str.__str__(question) for question in copy)  # also of subclasses, as numpy.str_ is one


def utf8(text: str) -> bytes:
    """The text in UTF-8; raises ValueError, which names the place, on lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the text has a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start}; "
            "decode it as UTF-8 or UTF-16 first"
        ) from error
