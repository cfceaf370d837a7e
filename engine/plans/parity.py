"""How far two engines agree: numbers apart, and answers that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, Engine
from ..bundle.load import Bundle
from ..bundle.samples import Samples

BATCH = 8  # photos at a time: 32 of VGG16 take another gigabyte
QUESTIONS = 32


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How a stage on another engine compares with float32 on onnxruntime."""

    largest_error: float  # relative to the largest number of float32; infinity where it gave NaN or infinity
    agreement: float  # share of the samples with the same best answer
    samples: int


def encode(engine: Engine, photos: NDArray[Any]) -> NDArray[Any]:
    """Features [S, ...] of photos [S, H, W, 3]."""
    size = min(BATCH, engine.spec.max_batch)
    parts = [
        engine.infer({"image": photos[start : start + size]})["features"]
        for start in range(0, len(photos), size)
    ]
    return np.concatenate(parts)


def question_batches(bundle: Bundle, samples: Samples, features: NDArray[Any], size: int) -> list[Arrays]:
    """The answerer's inputs for all sample questions."""
    batches: list[Arrays] = []
    for at, asked in enumerate(samples.question_batches(bundle, size)):
        places = samples.photo_of(at * size, len(asked["lengths"]))
        batches.append({**asked, "features": features[places]})
    return batches


def answer(engine: Engine, batches: Sequence[Arrays]) -> NDArray[Any]:
    """Logits [Q, A]."""
    return np.concatenate([engine.infer(batch)["logits"] for batch in batches])


def compare(
    wanted: NDArray[Any], got: NDArray[Any], wanted_logits: NDArray[Any], got_logits: NDArray[Any]
) -> Parity:
    """Compare what a stage gave, and the answers that follow. Pure.

    A best answer that only ties with float32's counts as the same.
    """
    if not (np.isfinite(got).all() and np.isfinite(got_logits).all()):
        return Parity(largest_error=float("inf"), agreement=0.0, samples=len(wanted_logits))
    rows = np.arange(len(wanted_logits))
    chosen = wanted_logits[rows, got_logits.argmax(axis=1)]
    largest = max(float(np.abs(wanted).max()), 1e-30)
    return Parity(
        largest_error=float(np.abs(wanted - got).max()) / largest,
        agreement=float((chosen >= wanted_logits.max(axis=1)).mean()),
        samples=len(rows),
    )
