"""What the two engines do with a batch: pictures → features, and questions about features → probabilities.

Each runs in its engine's worker, checks that as many rows come out as went in, and that every row is finite: one row of
NaN fails alone. What goes in is gathered in arrays that are kept from batch to batch.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Arrays, Engine
from asksight.engine.bundle.familiar import Familiarity, Unfamiliar
from asksight.engine.bundle.manifest import ATTENTION
from asksight.engine.runtimes.warm import warm_up
from asksight.ext.reading import Reading

from ..errors import AskError, InternalError
from ..reply.verdict import Judge, Judgement, finite_rows


class Words(Protocol):
    """A bundle's words, or its pieces of words."""

    def read(self, questions: Sequence[str]) -> Reading:
        """Cut questions and look them up: vectors [N, T, D], lengths [N], and whether to go by them."""
        ...


class Question(NamedTuple):
    """One row for the answerer."""

    text: str
    features: NDArray[Any]  # [F], [n, C] or [h, w, C]
    top_k: int  # so many answers are wanted
    far: bool = False  # its photo is far from all that the model knows
    look: bool = False  # whether to say where the model looked


class Scored(NamedTuple):
    """One row from the answerer."""

    judgement: Judgement
    cut: bool  # the question was longer than the model reads
    known: bool  # the model knows a word of it
    tokenize_us: int  # of the whole batch
    unfamiliar: tuple[Unfamiliar, ...] = ()  # what is unlike anything that was learned about
    attention: NDArray[Any] | None = None  # [h, w] >= 0: how strongly each cell of the grid was looked at


class PhotoRow(NamedTuple):
    """One row from the encoder."""

    features: NDArray[Any]  # a copy of its own that may be kept
    far: bool  # from all photos that the model knows


class EncoderStage:
    """Pictures, each by the names of the encoder's inputs → features, and whether they are like those of others."""

    def __init__(self, engine: Engine, familiarity: Familiarity | None = None) -> None:
        self.engine = engine
        self._familiarity = familiarity
        self._inputs = {tensor.name: _Kept() for tensor in engine.spec.inputs}

    def __call__(self, pictures: Sequence[Mapping[str, NDArray[Any]]]) -> list[PhotoRow | AskError]:
        arrays = {
            name: kept.stack([picture[name] for picture in pictures]) for name, kept in self._inputs.items()
        }
        (features,) = _infer(self.engine, arrays, ("features",), len(pictures))
        finite = finite_rows(features)
        # A view would keep the whole batch in memory for as long as the cache keeps one row.
        far = [False] * len(features)
        if self._familiarity is not None:
            far = self._familiarity.far(features).tolist()
        return [
            PhotoRow(_copy(row), away) if good else _not_finite()
            for row, good, away in zip(features, finite, far, strict=True)
        ]

    def probe(self) -> None:
        warm_up(self.engine, [1])

    def close(self) -> None:
        self.engine.close()


class AnswererStage:
    """Questions about features → judged scores; the words of the whole batch are looked up in one call."""

    def __init__(
        self, engine: Engine, words: Words, judge: Judge, familiarity: Familiarity | None = None
    ) -> None:
        self.engine = engine
        self._words = words
        self._judge = judge
        self._familiarity = familiarity
        self._features = _Kept()
        self.looks = any(tensor.name == ATTENTION for tensor in engine.spec.outputs)

    def __call__(self, questions: Sequence[Question]) -> list[Scored | AskError]:
        started_s = time.perf_counter()
        texts = [question.text.strip() for question in questions]  # white space at the ends would be a token
        read = self._words.read(texts)  # vectors [N, T, D] float32, lengths [N] int32
        tokenize_us = round((time.perf_counter() - started_s) * 1e6)
        features = self._features.stack([question.features for question in questions])
        asked = {"question": read.vectors, "lengths": read.lengths, "features": features}
        looked = self.looks and any(question.look for question in questions)
        outputs = (*self._judge.outputs, ATTENTION) if looked else self._judge.outputs
        scores = _infer(self.engine, asked, outputs, len(questions))
        maps = scores.pop() if looked else None
        judged = self._judge(scores, [question.top_k for question in questions])
        unlike: list[tuple[Unfamiliar, ...]] = [()] * len(questions)
        if self._familiarity is not None:
            unlike = self._familiarity.unfamiliar(texts, [question.far for question in questions])
        rows = [
            _not_finite() if one is None else Scored(one, cut, known, tokenize_us, unfamiliar)
            for one, cut, known, unfamiliar in zip(
                judged, read.cut.tolist(), read.known.tolist(), unlike, strict=True
            )
        ]
        if maps is None:
            return rows
        return [
            row._replace(attention=seen) if question.look and isinstance(row, Scored) else row
            for row, question, seen in zip(rows, questions, maps, strict=True)
        ]

    def probe(self) -> None:
        warm_up(self.engine, [1])

    def close(self) -> None:
        self.engine.close()


class _Kept:
    """One array that each batch's rows are copied into; it grows to the largest batch so far."""

    def __init__(self) -> None:
        self._array: NDArray[Any] = np.empty(0)

    def stack(self, rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Like np.stack, but valid until the next call only: fresh memory for each batch would be slow to touch.

        NumPy releases the GIL for each row that it copies, and then waits behind the event loop to have it back: a
        batch of 17 took 7 ms. A memoryview keeps it, for some microseconds a row.
        """
        first, count = rows[0], len(rows)
        kept = self._array
        if len(kept) < count or kept.shape[1:] != first.shape or kept.dtype != first.dtype:
            kept = self._array = np.empty((count, *first.shape), first.dtype)
        view, size = kept.reshape(-1).view(np.uint8).data, first.nbytes
        for at, row in enumerate(rows):
            view[at * size : (at + 1) * size] = row.reshape(-1).view(np.uint8).data
        return kept[:count]


def _copy(row: NDArray[Any]) -> NDArray[Any]:
    """Copy a contiguous row, read-only, without releasing the GIL (see `_Kept.stack`)."""
    return np.frombuffer(row.tobytes(), row.dtype).reshape(row.shape)


def _infer(engine: Engine, arrays: Arrays, outputs: Sequence[str], rows: int) -> list[NDArray[Any]]:
    given = engine.infer(arrays)
    for output in outputs:
        if len(given[output]) != rows:
            raise RuntimeError(f"{engine.name} gave {len(given[output])} rows of {output} for {rows}")
    return [given[output] for output in outputs]


def _not_finite() -> AskError:
    return InternalError("The model gave no usable numbers for this ask. Try another photo or question.")
