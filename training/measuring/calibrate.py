"""Make probabilities honest on validation questions, and choose when to answer.

Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2. Thresholds: the point of
a risk-coverage curve that says most while no more than a given share of what is said is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from asksight.engine.bundle.calibration import Calibration

from .reliability import RiskCoverage, calibration_error
from .scored import Scored

MAX_RISK = 0.02  # what `asksight train` allows unless told otherwise
_COOLEST, _HOTTEST = 0.05, 20.0
_POINTS = 60  # of a curve that is written down
# For probabilities that are rounded to 1; a threshold of 1 is for none.
_BELOW_ONE = float(np.nextafter(1, 0))


def fit(scored: Scored, *, max_risk: float = MAX_RISK) -> Calibration:
    """Temperature by the likelihood of the right answers; thresholds by risk and coverage.

    ANSWERED is said as often as it can be while at most `max_risk` of what is said is wrong; UNANSWERABLE likewise,
    among the questions that are not answered, by the probability of the answer that says so. Both only from a half
    on: under it, something else is more likely.
    """
    temperature = best_temperature(scored)
    judged = scored.judged(temperature)
    answered = _threshold(judged.answered(), max_risk)
    nothing = _threshold(judged.unanswerable(answered), max_risk) if scored.says_unanswerable else 0.5
    return Calibration(
        temperature=temperature,
        answered_threshold=answered,
        unanswerable_threshold=nothing,
        scores=scored.kind,
    )


def best_temperature(scored: Scored) -> float:
    """The temperature of the greatest likelihood, found by golden sections: the loss has one minimum in 1/T."""
    if scored.loss(1.0) == 0.0:  # no answer is known
        return 1.0
    low, high = math.log(_COOLEST), math.log(_HOTTEST)
    return math.exp(_lowest(lambda log: scored.loss(math.exp(log)), low, high))


def figures(scored: Scored, calibration: Calibration, *, max_risk: float = MAX_RISK) -> dict[str, Any]:
    """What calibration did, for the run's and the bundle's record: ready for JSON, shares from 0 to 1."""
    before, after = scored.judged(1.0), scored.judged(calibration.temperature)
    curve = after.answered()
    told: dict[str, Any] = {
        "questions": len(scored),
        "max_risk": max_risk,
        "temperature": round(calibration.temperature, 4),
        "nll": {
            "before": round(scored.loss(1.0), 5),
            "after": round(scored.loss(calibration.temperature), 5),
        },
        "ece": {
            "before": round(calibration_error(before.confidence, before.right), 5),
            "after": round(calibration_error(after.confidence, after.right), 5),
        },
        "answered": _at(curve, calibration.answered_threshold),
        "risk_coverage": points(curve),
    }
    if scored.says_unanswerable:
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


def _threshold(curve: RiskCoverage, max_risk: float) -> float:
    """The lowest probability from which on at most `max_risk` is wrong: never under a half, 1 if there is none."""
    place = curve.widest(max_risk)
    return 1.0 if place is None else min(max(0.5, float(curve.thresholds[place])), _BELOW_ONE)


def _at(curve: RiskCoverage, threshold: float) -> dict[str, float]:
    """The point that a threshold makes; nothing is said where no confidence reaches it."""
    place = curve.at(threshold)
    if place is None:
        return {"threshold": round(threshold, 5), "coverage": 0.0, "risk": 0.0}
    return _point(curve, place) | {"threshold": round(threshold, 5)}


def _point(curve: RiskCoverage, place: int) -> dict[str, float]:
    return {
        "threshold": round(float(curve.thresholds[place]), 5),
        "coverage": round(float(curve.coverage[place]), 5),
        "risk": round(float(curve.risk[place]), 5),
    }


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
