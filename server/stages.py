"""What the two engines do with a batch: pictures → features, and questions about features → scores.

Each checks that as many rows come out as went in, and that every row is finite: one row of NaN fails alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Arrays, Engine
from asksight.ext import WordTable

from .errors import AskError, InternalError


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One row for the answerer."""

    text: str
    features: NDArray[Any]  # [F] or [h, w, C]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One row from the answerer."""

    logits: NDArray[Any]  # [A]
    cut: bool  # the question was longer than the model reads
    tokenize_us: int  # of the whole batch


class EncoderStage:
    """Pictures [H, W, 3] → features [F] or [h, w, C], each a copy of its own that may be kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, pictures: Sequence[NDArray[Any]]) -> list[NDArray[Any] | AskError]:
        features = _infer(self._engine, {"image": np.stack(pictures)}, "features", len(pictures))
        # A view would keep the whole batch in memory for as long as the cache keeps one row.
        return [row.copy() if np.isfinite(row).all() else _not_finite() for row in features]


class AnswererStage:
    """Questions about features → scores [A]; the words of the whole batch are looked up in one call."""

    def __init__(self, engine: Engine, words: WordTable) -> None:
        self._engine = engine
        self._words = words

    def __call__(self, questions: Sequence[Question]) -> list[Scored | AskError]:
        started_s = time.perf_counter()
        texts = [question.text.strip() for question in questions]  # white space at the ends would be a token
        vectors, lengths = self._words.vectors(texts)  # [N, T, D] float32, [N] int32
        cut = self._words.token_counts(texts) > self._words.limit
        tokenize_us = round((time.perf_counter() - started_s) * 1e6)
        features = np.stack([question.features for question in questions])
        logits = _infer(
            self._engine,
            {"question": vectors, "lengths": lengths, "features": features},
            "logits",
            len(questions),
        )
        return [
            Scored(row, bool(long), tokenize_us) if np.isfinite(row).all() else _not_finite()
            for row, long in zip(logits, cut, strict=True)
        ]


def _infer(engine: Engine, arrays: Arrays, output: str, rows: int) -> NDArray[Any]:
    found = engine.infer(arrays)[output]
    if len(found) != rows:
        raise RuntimeError(f"{engine.name} gave {len(found)} rows of {output} for {rows}")
    return found


def _not_finite() -> AskError:
    return InternalError("The model gave no usable numbers for this ask. Try another photo or question.")
