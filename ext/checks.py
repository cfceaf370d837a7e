"""What the compiled code and its twins refuse, in the same words."""

from __future__ import annotations

import math
import mmap
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = Sequence[str] | bytes | bytearray | memoryview | mmap.mmap
MOST_ROWS = 2**31 - 1  # rows are numbered in int32
MOST_TEXT = 2**32 - 1  # bytes of all words together, which are counted in uint32


def is_text(words: Words) -> bool:
    """Are these the bytes of words.txt, a word a line, rather than a sequence of words?"""
    return isinstance(words, bytes | bytearray | memoryview | mmap.mmap)


def check_table(words: Words, vectors: NDArray[Any], limit: int, unknown_rows: int) -> None:
    """Raises TypeError or ValueError unless these make a word table."""
    check_vectors(words, vectors)
    if not 1 <= unknown_rows <= len(vectors):
        raise ValueError(f"unknown_rows must be 1 to {len(vectors)}; it is {unknown_rows}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1 token; it is {limit}")


def check_piece_table(
    words: Words, vectors: NDArray[Any], limit: int, first: int, last: int, unknown: int
) -> None:
    """Raises TypeError or ValueError unless these make a table of word pieces."""
    check_vectors(words, vectors)
    for name, row in (("first", first), ("last", last), ("unknown", unknown)):
        if not 0 <= row < len(vectors):
            raise ValueError(f"{name} must be a row of the table, 0 to {len(vectors) - 1}; it is {row}")
    if limit < 3:
        raise ValueError(f"limit must be at least 3 pieces, the first and last included; it is {limit}")


def check_rows(rows: Iterable[int], size: int) -> list[int]:
    """Raises TypeError or ValueError unless these are rows of a table."""
    numbers = [operator.index(row) for row in rows]
    for at, row in enumerate(numbers):
        if not 0 <= row < size:
            raise ValueError(f"row {at} must be a row of the table, 0 to {size - 1}; it is {row}")
    return numbers


def check_vectors(words: Words, vectors: NDArray[Any]) -> None:
    """Raises TypeError or ValueError unless there is a vector for each word."""
    if vectors.dtype not in (np.dtype(np.float16), np.dtype(np.float32)):
        raise TypeError(f"vectors must be float16 or float32 in native byte order, not {vectors.dtype}")
    if vectors.ndim != 2 or not vectors.size or not vectors.flags.c_contiguous:
        raise ValueError(f"vectors must be [V, D] in C order, not empty; they have the shape {vectors.shape}")
    count = _count_words(words)
    if count != len(vectors) or count > MOST_ROWS:
        raise ValueError(f"there are {count} words for {len(vectors)} vectors; each row needs its word")


def _count_words(words: Words) -> int:
    if not is_text(words):
        return len(words)
    text = np.frombuffer(words, np.uint8)  # type: ignore[arg-type]
    check_text_size(len(text))
    if len(text) and text[-1] != ord("\n"):
        raise ValueError("the text of the words must end with a newline; it was cut off")
    return int(np.count_nonzero(text == ord("\n")))


def check_text_size(size: int) -> None:
    """Raises ValueError where places in so much text would not fit."""
    if size > MOST_TEXT:
        raise ValueError(f"the words have {size} bytes together; {MOST_TEXT} are allowed")


def check_words(words: Words, known: int) -> list[bytes]:
    """The first `known` words in UTF-8; raises ValueError when one stands twice."""
    if is_text(words):
        words = bytes(words).decode().split("\n")  # type: ignore[arg-type]
    rows: dict[bytes, int] = {}
    for row in range(known):
        word = words[row]
        assert isinstance(word, str)
        first = rows.setdefault(utf8(word), row)
        if first != row:
            raise word_twice(word, first, row)
    return list(rows)


def word_twice(word: str, first: int, row: int) -> ValueError:
    return ValueError(f"the word {word!r} stands in rows {first} and {row}; once is allowed")


def check_questions(questions: Sequence[str]) -> tuple[str, ...]:
    """A copy that no other thread can change; raises TypeError unless these are strings."""
    if isinstance(questions, str | bytes):
        raise TypeError("questions must be a sequence of str, not one string; put it in a list")
    copy = tuple(questions)
    for at, question in enumerate(copy):
        if not isinstance(question, str):
            raise TypeError(f"question {at} must be a str, not {type(question).__name__}")
    return tuple(str.__str__(question) for question in copy)  # also of subclasses, as numpy.str_ is one


def checked_out(out: NDArray[Any] | None, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """A new array, or the beginning of the caller's; raises TypeError or ValueError where it does not fit.

    `dtype` None is that of `out`, or float32.
    """
    wanted = np.dtype(dtype if dtype is not None else np.float32 if out is None else out.dtype)
    if len(shape) > 2 and wanted not in (np.dtype(np.float16), np.dtype(np.float32)):
        raise TypeError(f"vectors are given as float32 or float16, not as {wanted}")
    if out is None:
        return np.empty(shape, wanted)
    if out.dtype != wanted:
        raise TypeError(f"out must hold {wanted}, not {out.dtype}")
    size = math.prod(shape)
    if not out.flags.c_contiguous or not out.flags.writeable or out.size < size:
        raise ValueError(
            f"out must be writable, in C order, with room for {size} numbers {shape}; it has {out.size} {out.shape}"
        )
    return out.reshape(-1)[:size].reshape(shape)


def utf8(text: str) -> bytes:
    """The text in UTF-8; raises ValueError, which names the place, on lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the text has a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start}; "
            "decode it as UTF-8 or UTF-16 first"
        ) from error


def check_pixels(pixels: NDArray[Any], axes: int) -> None:
    """Raises TypeError or ValueError unless these are pixels that lie one after another."""
    if pixels.dtype != np.uint8:
        raise TypeError(f"pixels must be uint8, not {pixels.dtype}")
    if pixels.ndim != axes or not pixels.size or not pixels.flags.c_contiguous:
        raise ValueError(
            f"pixels must have {axes} axes, in C order, none of them empty; not {[*pixels.shape]}"
        )


def check_shrinking(fits: bool, shape: tuple[int, ...], to: int | tuple[int, int]) -> None:
    """Raises ValueError unless it fits, which the caller says."""
    if not fits:
        raise ValueError(f"pixels {[*shape]} cannot be shrunk by or to {to}")
