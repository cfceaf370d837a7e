"""Gathers the vectors of the words wanted; memory grows with these, not with the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import VectorError
from .pipeline import load_pipeline, pipeline_rows
from .source import VectorFile, examine
from .table import VectorTable


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The table, and how much of what is asked it covers."""

    table: VectorTable
    form: str  # of the source
    missing: tuple[str, ...]  # words without a vector, the commonest first; they share the unknown rows
    covered: float  # share of the tokens asked with that have a vector, 0 to 1


def gather(
    source: str,
    words: Counter[str],
    *,
    dimension: int | None = None,
    unknown_rows: int = 1,
    seed: int = 0,
    progress: Callable[[int], None] = lambda found: None,
) -> Gathered:
    """Vectors of `words` (with how often each is asked) from a file or a spaCy pipeline.

    A word that the source has only with capitals is taken from there. `progress` is told of words found. Raises
    VectorError for a source that is broken, knows none of the words, or is not of `dimension`.
    """
    if unknown_rows < 1:
        raise VectorError(f"unknown_rows is {unknown_rows}; words that are not known need one row at least.")
    found: dict[str, NDArray[np.float32]] = {}
    capitals: dict[str, NDArray[np.float32]] = {}
    form, rows = _open(source, words, dimension)
    for word, spelled, vector in rows:
        if not np.isfinite(vector).all():
            raise VectorError(f"{source} holds numbers that are not finite, for {spelled!r}.")
        if not vector.any():
            continue  # a row of zeros says nothing
        kept = found if spelled == word else capitals
        if word not in found and word not in capitals:
            progress(1)
        kept.setdefault(word, vector)  # of several the first, which is the commonest
    vectors = capitals | found
    known = [word for word in words if word in vectors]
    if not known:
        raise VectorError(
            f"{source} has no vector for any of the {len(words)} words. Is it of another language?"
        )
    matrix = np.stack([vectors[word] for word in known])
    table = VectorTable(
        words=(*known, *(f"<unknown {n}>" for n in range(unknown_rows))),
        vectors=np.concatenate([matrix, _unknown(matrix, unknown_rows, seed)]),
        unknown_rows=unknown_rows,
    )
    return Gathered(
        table=table,
        form=form,
        missing=tuple(word for word in words if word not in vectors),
        covered=sum(words[word] for word in known) / sum(words.values()),
    )


_Row = tuple[str, str, NDArray[np.float32]]  # the word wanted, as it is spelled in the source, its vector


def _open(source: str, words: Counter[str], dimension: int | None) -> tuple[str, Iterator[_Row]]:
    if not Path(source).is_file():
        pipeline = load_pipeline(source)
        _check_dimension(source, pipeline.vocab.vectors_length, dimension)
        return "spacy", ((word, word, vector) for word, vector in pipeline_rows(pipeline, words))
    file = examine(Path(source))
    _check_dimension(source, file.dimension, dimension)
    return file.form, _file_rows(file, words)


def _file_rows(file: VectorFile, words: Counter[str]) -> Iterator[_Row]:
    exact = {word.encode(): word for word in words}

    def wanted(word: bytes) -> bool:
        return word in exact or word.lower() in exact or _lower(word) in words

    for word, vector in file.rows(wanted):
        yield exact.get(word) or _lower(word), word.decode("utf-8", "replace"), vector


def _lower(word: bytes) -> str:
    return word.decode("utf-8", "replace").lower()


def _check_dimension(source: str, seen: int, wanted: int | None) -> None:
    if wanted is not None and seen != wanted:
        raise VectorError(
            f"{source} has vectors of {seen} dimensions, but {wanted} are wanted. Take another source, or a model of "
            f"{seen} dimensions (--dimension {seen})."
        )


def _unknown(matrix: NDArray[np.float32], rows: int, seed: int) -> NDArray[np.float32]:
    """Rows for words without a vector: the mean of all, as GloVe's authors advise, and scattered ones beside it."""
    mean = matrix.mean(axis=0, dtype=np.float64)
    drawn = np.random.default_rng(seed).standard_normal((rows, len(mean)))
    drawn[0] = 0
    scattered: NDArray[np.float64] = mean + drawn * matrix.std(axis=0, dtype=np.float64)
    return scattered.astype(np.float32)
