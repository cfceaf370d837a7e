"""An answerer's scores → calibrated probabilities, the best answers, and whether the best may be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle.calibration import Calibration, Verdict

LIKELIEST = (
    3  # answers that are looked at for speech: two alternatives, and perhaps "unanswerable" among them
)


class Judgement(NamedTuple):
    """What one row of scores means."""

    answers: list[tuple[str, float]]  # label and probability, best first: as many as were wanted
    verdict: Verdict
    likeliest: list[str]  # the two likeliest real answers, for speech
    probability: float  # of the best


class Judge:
    """Judges batches of scores. Read-only, thread-safe."""

    def __init__(self, answers: Sequence[str], unanswerable: str | None, calibration: Calibration) -> None:
        self._answers = answers
        self._nothing = None if unanswerable is None else answers.index(unanswerable)
        self._calibration = calibration

    def __call__(self, logits: NDArray[Any], top_k: Sequence[int]) -> list[Judgement]:
        """Judge logits [N, A], with top_k[i] answers for row i; more than there are means all.

        "Unanswerable" is one of the answers, but never one to be ANSWERED or spoken as an alternative.
        """
        probabilities = self._calibration.probabilities(logits)  # [N, A]
        ranked = _ranked(probabilities, max(*top_k, LIKELIEST))  # [N, K]
        best = probabilities[np.arange(len(ranked))[:, None], ranked].tolist()
        nothing = None if self._nothing is None else probabilities[:, self._nothing].tolist()
        return [
            self._one(places, values, wanted, None if nothing is None else nothing[row])
            for row, (places, values, wanted) in enumerate(zip(ranked.tolist(), best, top_k, strict=True))
        ]

    def _one(self, places: list[int], values: list[float], wanted: int, nothing: float | None) -> Judgement:
        labels = [self._answers[place] for place in places[: max(wanted, LIKELIEST)]]
        likeliest = [self._answers[place] for place in places[:LIKELIEST] if place != self._nothing][:2]
        answers = list(zip(labels[:wanted], values, strict=False))
        verdict = self._calibration.verdict(
            values[0], nothing_is_best=places[0] == self._nothing, nothing=nothing
        )
        return Judgement(answers, verdict, likeliest, values[0])


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
