"""How far two engines agree: numbers apart, and answers that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, Engine
from ..bundle.load import Bundle
from ..bundle.samples import Samples
from ..bundle.spelled import Speller

# Of questions: logits [Q, A] of listed answers; of spelled ones the probability of each text, "" and NaN if unusable.
Scores = NDArray[Any] | Sequence[Mapping[str, float]]
BATCH = 8  # photos at a time: 32 of VGG16 take another gigabyte
QUESTIONS = 32


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How a stage on another engine compares with float32 on onnxruntime."""

    largest_error: float  # relative to the largest number of float32; infinity where it gave NaN or infinity
    agreement: float  # share of the samples with the same best answer
    samples: int


def encode(engine: Engine, samples: Samples) -> NDArray[Any]:
    """Features [S, ...] of the samples' photos."""
    size = min(BATCH, engine.spec.max_batch)
    parts = [
        engine.infer(samples.photo_arrays(slice(start, start + size)))["features"]
        for start in range(0, len(samples.photos), size)
    ]
    return np.concatenate(parts)


def question_batches(bundle: Bundle, samples: Samples, features: NDArray[Any], size: int) -> list[Arrays]:
    """The answerer's inputs for all sample questions."""
    batches: list[Arrays] = []
    for at, asked in enumerate(samples.question_batches(bundle, size)):
        places = samples.photo_of(at * size, len(asked["lengths"]))
        batches.append({**asked, "features": features[places]})
    return batches


def answer(bundle: Bundle, engine: Engine, batches: Sequence[Arrays]) -> Scores:
    """The scores of the answers to all sample questions."""
    given = [engine.infer(batch) for batch in batches]
    if bundle.spelling is None:
        return np.concatenate([one["logits"] for one in given])
    speller = Speller.of(bundle)
    return [texts for one in given for texts in _spelled(speller, one["tokens"], one["log_probabilities"])]


def _spelled(
    speller: Speller, tokens: NDArray[Any], log_probabilities: NDArray[Any]
) -> Iterator[dict[str, float]]:
    usable = speller.usable(tokens, log_probabilities)
    spelled = iter(speller(tokens[usable], log_probabilities[usable]))
    for good in usable.tolist():
        yield dict(next(spelled)) if good else {"": float("nan")}


def compare_scores(
    wanted: Scores, got: Scores, features: tuple[NDArray[Any], NDArray[Any]] | None = None
) -> Parity:
    """Compare answers and, by `features` (wanted and got) or else by the scores themselves, numbers. Pure.

    Of spelled answers the scores are the probabilities of the texts.
    """
    scores = _beside(wanted, got)
    return compare(*(scores if features is None else features), *scores)


def _beside(wanted: Scores, got: Scores) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as [Q, A]; column j of row i is the same answer in both, though of spelled ones each row has its own."""
    if isinstance(wanted, np.ndarray) and isinstance(got, np.ndarray):
        return wanted, got
    texts = [list(dict.fromkeys([*one, *other, ""])) for one, other in zip(wanted, got, strict=True)]
    both = np.zeros((2, len(texts), max(map(len, texts), default=1)))
    for array, scores in zip(both, (wanted, got), strict=True):
        for row, names, chances in zip(array, texts, scores, strict=True):
            row[: len(names)] = [chances.get(name, 0.0) for name in names]
    return both[0], both[1]


def compare(
    wanted: NDArray[Any], got: NDArray[Any], wanted_scores: NDArray[Any], got_scores: NDArray[Any]
) -> Parity:
    """Compare what a stage gave, and the answers that follow, by their scores [Q, A]. Pure.

    A best answer that only ties with float32's counts as the same.
    """
    if not (np.isfinite(got).all() and np.isfinite(got_scores).all()):
        return Parity(largest_error=float("inf"), agreement=0.0, samples=len(wanted_scores))
    rows = np.arange(len(wanted_scores))
    chosen = wanted_scores[rows, got_scores.argmax(axis=1)]
    largest = max(float(np.abs(wanted).max()), 1e-30)
    return Parity(
        largest_error=float(np.abs(wanted - got).max()) / largest,
        agreement=float((chosen >= wanted_scores.max(axis=1)).mean()),
        samples=len(rows),
    )
