"""A model's own words as the table that a bundle cuts and looks up questions by.

Row i is word i; its first column is 1 where the word counts and 0 where it is left out, as unknown words are by Keras'
Tokenizer. Behind it stands the word's number, or its vector.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle.manifest import WordPieces
from asksight.ext import Rules, dump_rules

from ..errors import ImportSpecError
from ..vectors.rule_proofs import plain_ends, suffix_reach
from .spec import BAGS, DROP, QuestionSpec
from .word_file import WordFile, read_word_file

UNKNOWN = "<unknown>"
BLANKS = " \t"  # white space that may be a token by itself and a line of words.txt
LEAST_TOKENS = 64  # marks are tokens too, and a question is rarely longer
Row = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class AskedWords:
    """What a bundle is told of words, and what the model takes for a question."""

    form: str
    words: tuple[str, ...]
    vectors: NDArray[np.float32]  # [V, 1 + D]: whether it counts, and its number or vector
    lower: bool
    rules: str | None  # None: spaCy's English
    pieces: WordPieces | None
    max_tokens: int
    size: int  # of a bag: its numbers; of a sequence: its steps
    padding: str
    truncating: str

    def prepared(self, rows: Sequence[Sequence[int]]) -> Row:
        """What Keras' own texts_to_matrix or pad_sequences makes of questions, each the rows of its tokens.

        [N, size] float32 of a bag or of numbers, [N, size, D] of vectors, [N, D] of their sum.
        """
        kept = [[self.vectors[row, 1:] for row in one if self.vectors[row, 0]] for one in rows]
        dimension = self.vectors.shape[1] - 1
        if self.form in BAGS:
            bags = np.zeros((len(rows), self.size), np.float32)
            for bag, question in zip(bags, kept, strict=True):
                for (number,) in question:
                    bag[int(number)] = 1 if self.form == "binary" else bag[int(number)] + 1
            return bags
        if self.form == "sum":
            none = np.zeros(dimension, np.float32)
            return np.array([np.sum([none, *question], axis=0) for question in kept], np.float32)
        steps = np.zeros((len(rows), self.size, dimension), np.float32)
        for out, question in zip(steps, kept, strict=True):
            cut = question[-self.size :] if self.truncating == "pre" else question[: self.size]
            start = self.size - len(cut) if self.padding == "pre" else 0
            for place, vector in enumerate(cut, start=start):
                out[place] = vector
        return steps[:, :, 0] if self.form == "ids" else steps

    @property
    def unknown_rows(self) -> int:
        return 1


def keras_rules(filters: str) -> Rules:
    """Rules by which spaCy's algorithm cuts as Keras' Tokenizer does: each character of `filters` is its own token."""
    marks = [re.escape(mark) for mark in dict.fromkeys(filters) if not mark.isspace()]
    marks.append(r"\s")
    prefix, suffix = ("|".join(form.format(mark) for mark in marks) for form in ("^{}", "{}$"))
    infix = "|".join(marks)
    patterns = {"prefix": prefix, "suffix": suffix, "infix": infix, "token_match": None, "url_match": None}
    return Rules(
        source="Keras' Tokenizer",
        exceptions={},
        prefix=prefix,
        suffix=suffix,
        infix=infix,
        token_match=None,
        url_match=None,
        plain_ends=plain_ends(patterns, (), frozenset()),
        suffix_reach=suffix_reach(suffix),
    )


def asked_words(spec: QuestionSpec, *, size: int, dimension: int | None) -> AskedWords:
    """The table for a model that takes `size` numbers or steps a question, and vectors of `dimension`.

    Raises ImportSpecError where words, vectors and the model do not fit.
    """
    given = read_word_file(spec)
    if spec.cut == "wordpiece":
        words, vectors, pieces = _pieces(spec, given)
    else:
        pieces = None
        words, vectors = _with_marks(spec, given, size)
    if dimension is not None and vectors.shape[1] - 1 != dimension:
        raise ImportSpecError(
            f"{spec.vectors}: the vectors have {vectors.shape[1] - 1} dimensions; the model takes {dimension}."
        )
    steps = size if spec.form in ("ids", "sequence") else 0
    least = steps if pieces is not None and steps else max(LEAST_TOKENS, 2 * steps)
    return AskedWords(
        form=spec.form,
        words=words,
        vectors=vectors,
        lower=given.lower,
        rules=dump_rules(keras_rules(given.filters)) if spec.cut == "keras" else None,
        pieces=pieces,
        max_tokens=spec.max_tokens or least,
        size=size,
        padding=spec.padding,
        truncating=spec.truncating,
    )


def _with_marks(
    spec: QuestionSpec, given: WordFile, size: int
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Words, and where unknown ones count also the marks that do not, so that they are told apart."""
    words = list(given.numbers)
    unknown = spec.unknown if given.unknown is None else given.unknown
    if spec.form in ("sequence", "sum"):
        columns = _read_vectors(spec, len(words))
    else:
        columns = np.array(list(given.numbers.values()), np.float32)[:, None]
        highest = max(given.numbers.values(), default=0)
        if spec.form in BAGS and highest >= size:
            raise ImportSpecError(
                f"{spec.words}: the last word has the number {highest}; the model takes {size} numbers a question, "
                "0 and up. Is it the file of this model, and is first_index right?"
            )
    table = np.concatenate([np.ones((len(words), 1), np.float32), columns], axis=1)
    marks = [] if unknown == DROP else [one for one in (*given.filters, *BLANKS) if one not in "\n\r"]
    marks = (
        [mark for mark in dict.fromkeys(marks) if mark not in given.numbers] if spec.cut == "keras" else []
    )
    last = np.zeros((len(marks) + 1, table.shape[1]), np.float32)
    if unknown != DROP:
        last[-1, 0] = 1
        if not isinstance(unknown, str):
            last[-1, 1] = unknown
    name = UNKNOWN if UNKNOWN not in given.numbers else f"<{UNKNOWN}>"
    return (*words, *marks, name), np.concatenate([table, last])


def _pieces(spec: QuestionSpec, given: WordFile) -> tuple[tuple[str, ...], NDArray[np.float32], WordPieces]:
    words = tuple(given.numbers)
    rows = {word: row for row, word in enumerate(words)}
    if missing := [piece for piece in ("[CLS]", "[SEP]", "[UNK]") if piece not in rows]:
        raise ImportSpecError(f"{spec.words} has no piece {missing[0]!r}; a WordPiece vocabulary has it.")
    if spec.form in ("sequence", "sum"):
        columns = _read_vectors(spec, len(words))
    else:
        columns = np.array(list(given.numbers.values()), np.float32)[:, None]
    table = np.concatenate([np.ones((len(words), 1), np.float32), columns], axis=1)
    first, last, unknown = rows["[CLS]"], rows["[SEP]"], rows["[UNK]"]
    if not spec.ends:
        table[[first, last], 0] = 0
    return words, table, WordPieces(first=first, last=last, unknown=unknown, strip=spec.strip)


def _read_vectors(spec: QuestionSpec, words: int) -> NDArray[np.float32]:
    path: Path | None = spec.vectors
    assert path is not None
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImportSpecError(f"{path} cannot be read as a .npy file of numbers: {error}.") from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
        raise ImportSpecError(f"{path} must hold one array [words, dimension] of numbers.")
    if len(vectors) != words:
        raise ImportSpecError(f"{path} has {len(vectors)} vectors; {spec.words} has {words} words.")
    return vectors.astype(np.float32)
