"""Make probabilities honest on validation questions, and choose when to answer.

Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle import Calibration

_TEMPERATURES = np.geomspace(0.25, 4.0, 161)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    exp = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]


def fit(
    logits: NDArray[np.float32],
    answers: NDArray[np.int32],
    *,
    unanswerable: int | None,
    max_risk: float = 0.02,
) -> Calibration:
    """Temperature by the likelihood of `answers` [N] under `logits` [N,A]; thresholds by risk and coverage.

    ANSWERED is said as often as it can be while at most `max_risk` of what is said is wrong. UNANSWERABLE is said
    when the class `unanswerable` is more likely than everything else together. Answers of -1 count as wrong.
    """
    known = answers >= 0
    losses = [_loss(logits[known], answers[known], t) for t in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    probabilities = softmax(logits / temperature)
    best = probabilities.argmax(axis=1)
    said = best != unanswerable if unanswerable is not None else np.ones(len(best), bool)
    threshold = _answered_threshold(probabilities.max(axis=1)[said], (best == answers)[said], max_risk)
    return Calibration(temperature=temperature, answered_threshold=threshold, unanswerable_threshold=0.5)


def _loss(logits: NDArray[np.float32], answers: NDArray[np.int32], temperature: float) -> float:
    chosen = softmax(logits / temperature)[np.arange(len(answers)), answers]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def _answered_threshold(confidence: NDArray[np.float64], right: NDArray[np.bool_], max_risk: float) -> float:
    """The lowest probability from which on at most `max_risk` of the answers are wrong; never under a half."""
    order = np.argsort(-confidence, kind="stable")
    risk = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    allowed = np.flatnonzero(risk <= max_risk)
    # Under a half, something else is more likely than the answer: that is never said as if it were sure.
    return max(0.5, float(confidence[order][allowed[-1]])) if len(allowed) else 1.0
