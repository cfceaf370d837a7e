"""Make probabilities honest on validation questions, and choose when to answer.

Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2. Thresholds: the point of
a risk-coverage curve that says most while no more than a given share of what is said is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle.calibration import Calibration, softmax

from .reliability import RiskCoverage, calibration_error, risk_coverage

MAX_RISK = 0.02  # what `asksight train` allows unless told otherwise
_COOLEST, _HOTTEST = 0.05, 20.0
_ROWS = 4096  # at a time, so that a float64 copy of all logits is never held
_POINTS = 60  # of a curve that is written down


def fit(
    logits: NDArray[np.float32],
    answers: NDArray[np.int32],
    *,
    unanswerable: int | None,
    max_risk: float = MAX_RISK,
) -> Calibration:
    """Temperature by the likelihood of `answers` [N] under `logits` [N,A]; thresholds by risk and coverage.

    ANSWERED is said as often as it can be while at most `max_risk` of what is said is wrong; UNANSWERABLE likewise,
    among the questions that are not answered, by the probability of the class `unanswerable`. Both only from a half
    on: under it, something else is more likely. Answers of -1 count as wrong.
    """
    temperature = best_temperature(logits, answers)
    judged = _Judged.of(logits, answers, temperature, unanswerable)
    answered = _threshold(judged.answered(), max_risk)
    nothing = 0.5 if unanswerable is None else _threshold(judged.unanswerable(answered), max_risk)
    return Calibration(temperature=temperature, answered_threshold=answered, unanswerable_threshold=nothing)


def best_temperature(logits: NDArray[np.float32], answers: NDArray[np.int32]) -> float:
    """The temperature of the greatest likelihood, found by golden sections: the loss has one minimum in 1/T."""
    known = np.flatnonzero(answers >= 0)
    if not len(known):
        return 1.0
    return math.exp(
        _lowest(
            lambda log: negative_log_likelihood(logits, answers, math.exp(log)),
            math.log(_COOLEST),
            math.log(_HOTTEST),
        )
    )


def negative_log_likelihood(
    logits: NDArray[np.float32], answers: NDArray[np.int32], temperature: float
) -> float:
    """The mean over `answers` [N] that are known (not -1), in nats; 0 if none is."""
    total, count = 0.0, 0
    for rows in _chunks(len(logits)):
        known = answers[rows] >= 0
        scaled = logits[rows][known].astype(np.float64) / temperature
        right = scaled[np.arange(len(scaled)), answers[rows][known]]
        highest = scaled.max(axis=1, initial=-np.inf)
        total += float(np.sum(highest - right + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))))
        count += len(scaled)
    return total / count if count else 0.0


def figures(
    logits: NDArray[np.float32],
    answers: NDArray[np.int32],
    calibration: Calibration,
    *,
    unanswerable: int | None,
    max_risk: float = MAX_RISK,
) -> dict[str, Any]:
    """What calibration did, for the run's and the bundle's record: ready for JSON, shares from 0 to 1."""
    before = _Judged.of(logits, answers, 1.0, unanswerable)
    after = _Judged.of(logits, answers, calibration.temperature, unanswerable)
    curve = after.answered()
    told: dict[str, Any] = {
        "questions": len(answers),
        "max_risk": max_risk,
        "temperature": round(calibration.temperature, 4),
        "nll": {
            "before": round(negative_log_likelihood(logits, answers, 1.0), 5),
            "after": round(negative_log_likelihood(logits, answers, calibration.temperature), 5),
        },
        "ece": {
            "before": round(calibration_error(before.confidence, before.right), 5),
            "after": round(calibration_error(after.confidence, after.right), 5),
        },
        "answered": _at(curve, calibration.answered_threshold),
        "risk_coverage": points(curve),
    }
    if unanswerable is not None:
        nothing = after.unanswerable(calibration.answered_threshold)
        told["unanswerable"] = _at(nothing, calibration.unanswerable_threshold)
    return told


def points(curve: RiskCoverage, most: int = _POINTS) -> list[dict[str, float]]:
    """At most `most` points of a curve, evenly over its coverage, the last one among them."""
    if not len(curve.coverage):
        return []
    wanted = np.linspace(0, curve.coverage[-1], most)
    chosen = np.unique(np.minimum(np.searchsorted(curve.coverage, wanted), len(curve.coverage) - 1))
    return [_point(curve, int(place)) for place in chosen]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """Questions [N] after a softmax: the best answer, and the class "unanswerable"."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    nothing: NDArray[np.float64]  # probability of "unanswerable"; 0 where there is no such class
    says_nothing: NDArray[np.bool_]  # the best answer is "unanswerable"
    is_nothing: NDArray[np.bool_]  # and truly is

    @classmethod
    def of(
        cls,
        logits: NDArray[np.float32],
        answers: NDArray[np.int32],
        temperature: float,
        unanswerable: int | None,
    ) -> _Judged:
        count = len(answers)
        confidence, nothing, best = np.zeros(count), np.zeros(count), np.zeros(count, np.int64)
        for rows in _chunks(count):
            probabilities = softmax(logits[rows], temperature)
            best[rows], confidence[rows] = probabilities.argmax(axis=1), probabilities.max(axis=1)
            if unanswerable is not None:
                nothing[rows] = probabilities[:, unanswerable]
        return cls(
            confidence=confidence,
            right=best == answers,
            nothing=nothing,
            says_nothing=best == (-2 if unanswerable is None else unanswerable),
            is_nothing=answers == (-2 if unanswerable is None else unanswerable),
        )

    def answered(self) -> RiskCoverage:
        """Of answers that say something."""
        said = ~self.says_nothing
        return risk_coverage(self.confidence[said], self.right[said], of=len(said))

    def unanswerable(self, answered: float) -> RiskCoverage:
        """Of saying "unanswerable" where nothing is answered, from a half on."""
        left = (self.says_nothing | (self.confidence < answered)) & (self.nothing >= 0.5)
        return risk_coverage(self.nothing[left], self.is_nothing[left], of=len(left))


def _threshold(curve: RiskCoverage, max_risk: float) -> float:
    """The lowest probability from which on at most `max_risk` is wrong: never under a half, 1 if there is none."""
    place = curve.widest(max_risk)
    return 1.0 if place is None else max(0.5, float(curve.thresholds[place]))


def _at(curve: RiskCoverage, threshold: float) -> dict[str, float]:
    """The point that a threshold makes; nothing is said where no confidence reaches it."""
    reached = np.flatnonzero(curve.thresholds >= threshold)
    if not len(reached):
        return {"threshold": round(threshold, 5), "coverage": 0.0, "risk": 0.0}
    return _point(curve, int(reached[-1])) | {"threshold": round(threshold, 5)}


def _point(curve: RiskCoverage, place: int) -> dict[str, float]:
    return {
        "threshold": round(float(curve.thresholds[place]), 5),
        "coverage": round(float(curve.coverage[place]), 5),
        "risk": round(float(curve.risk[place]), 5),
    }


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, count, _ROWS))


def _lowest(function: Callable[[float], float], low: float, high: float, *, within: float = 1e-3) -> float:
    """Where a function of one minimum is lowest, to `within`: Kiefer 1953, "Sequential minimax search"."""
    share = (math.sqrt(5) - 1) / 2
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > within:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = function(right)
    return (low + high) / 2
