"""An answerer's scores → calibrated probabilities, the best answers, and whether the best may be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle
from asksight.engine.bundle.calibration import Calibration, Verdict
from asksight.engine.bundle.spelled import Speller

LIKELIEST = (
    3  # answers that are looked at for speech: two alternatives, and perhaps "unanswerable" among them
)


class Judgement(NamedTuple):
    """What one row of scores means."""

    answers: list[tuple[str, float]]  # label and probability, best first: as many as were wanted
    verdict: Verdict
    likeliest: list[str]  # the two likeliest real answers, for speech
    probability: float  # of the best


class Judge(Protocol):
    """Judges what an answerer gave for a batch. Read-only, thread-safe."""

    @property
    def outputs(self) -> Sequence[str]:
        """Those of the answerer that are judged."""
        ...

    def __call__(self, scores: Sequence[NDArray[Any]], top_k: Sequence[int]) -> list[Judgement | None]:
        """Judge the outputs, N rows each, with top_k[i] answers for row i; more than there are means all.

        None for a row that holds no usable numbers: it fails alone. "Unanswerable" is one of the answers, but never
        one to be ANSWERED or spoken as an alternative.
        """
        ...


def judge_of(bundle: Bundle) -> Judge:
    """The one for a bundle's answers."""
    if bundle.spelling is None:
        return ListedJudge(bundle.answers, bundle.unanswerable, bundle.calibration)
    speller = Speller.of(bundle, temperature=bundle.calibration.temperature)
    return SpelledJudge(speller, bundle.unanswerable, bundle.calibration)


class ListedJudge:
    """Of a score for each answer of a list."""

    outputs = ("logits",)

    def __init__(self, answers: Sequence[str], unanswerable: str | None, calibration: Calibration) -> None:
        self._answers = answers
        self._nothing = None if unanswerable is None else answers.index(unanswerable)
        self._calibration = calibration

    def __call__(self, scores: Sequence[NDArray[Any]], top_k: Sequence[int]) -> list[Judgement | None]:
        """See `Judge`; the scores are logits [N, A]."""
        (logits,) = scores
        usable = finite_rows(logits)
        if not all(usable):
            logits = np.where(np.array(usable)[:, None], logits, 0)
        probabilities = self._calibration.probabilities(logits)  # [N, A]
        ranked = _ranked(probabilities, max(*top_k, LIKELIEST))  # [N, K]
        best = probabilities[np.arange(len(ranked))[:, None], ranked].tolist()
        nothing = None if self._nothing is None else probabilities[:, self._nothing].tolist()
        return [
            self._one(places, values, wanted, None if nothing is None else nothing[row]) if good else None
            for row, (places, values, wanted, good) in enumerate(
                zip(ranked.tolist(), best, top_k, usable, strict=True)
            )
        ]

    def _one(self, places: list[int], values: list[float], wanted: int, nothing: float | None) -> Judgement:
        labels = [self._answers[place] for place in places[: max(wanted, LIKELIEST)]]
        likeliest = [self._answers[place] for place in places[:LIKELIEST] if place != self._nothing][:2]
        answers = list(zip(labels[:wanted], values, strict=False))
        verdict = self._calibration.verdict(
            values[0], nothing_is_best=places[0] == self._nothing, nothing=nothing
        )
        return Judgement(answers, verdict, likeliest, values[0])


class SpelledJudge:
    """Of answers that the answerer spells; those that no beam holds are not among them."""

    outputs = ("tokens", "log_probabilities")

    def __init__(self, speller: Speller, unanswerable: str | None, calibration: Calibration) -> None:
        self._speller = speller
        self._nothing = unanswerable
        self._calibration = calibration

    def __call__(self, scores: Sequence[NDArray[Any]], top_k: Sequence[int]) -> list[Judgement | None]:
        """See `Judge`; the scores are tokens and log-probabilities [N, W, L]."""
        tokens, log_probabilities = scores
        usable = self._speller.usable(tokens, log_probabilities)
        spelled = iter(self._speller(tokens[usable], log_probabilities[usable]))
        return [
            self._one(next(spelled), wanted) if good else None
            for good, wanted in zip(usable.tolist(), top_k, strict=True)
        ]

    def _one(self, texts: list[tuple[str, float]], wanted: int) -> Judgement:
        likeliest = [text for text, _ in texts if text != self._nothing][:2]
        best, probability = texts[0] if texts else ("", 0.0)
        nothing = None if self._nothing is None else dict(texts).get(self._nothing, 0.0)
        verdict = self._calibration.verdict(
            probability, nothing_is_best=not texts or best == self._nothing, nothing=nothing
        )
        return Judgement(texts[:wanted], verdict, likeliest, probability)


def finite_rows(rows: NDArray[Any]) -> list[bool]:
    """Whether all numbers of each row are."""
    finite = np.isfinite(rows)
    if finite.all():
        return [True] * len(rows)
    each: list[bool] = np.logical_and.reduce(finite.reshape(len(rows), -1), axis=1).tolist()
    return each


def _ranked(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The places of the largest values [N, A] in each row, the largest first; of equal ones the earlier."""
    falling: NDArray[np.float64] = -values
    if 8 * count > values.shape[1]:
        return np.argsort(falling, axis=1, kind="stable")[:, :count]
    # Sorting thousands of answers takes 20 times as long as finding those that are good enough.
    bounds = np.partition(falling, count - 1, axis=1)[:, count - 1]
    ranked = np.empty((len(values), count), np.intp)
    for row, (numbers, bound) in enumerate(zip(falling, bounds, strict=True)):
        places = np.flatnonzero(numbers <= bound)
        ranked[row] = places[np.argsort(numbers[places], kind="stable")[:count]]
    return ranked
