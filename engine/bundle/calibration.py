"""What a model's scores mean: probabilities, and whether the best answer may be told to somebody who cannot check it.

Probabilities are softmax(scores / temperature) (Guo et al., On Calibration of Modern Neural Networks, 2017, 4.2), or,
for a model that was trained to judge each answer by itself, sigmoid(scores / temperature); of spelled answers they are
those of their pieces (spelled.py). Serving and evaluation both judge by this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOFTMAX, SIGMOID, SEQUENCE = "softmax", "sigmoid", "sequence"
SCORES = (SOFTMAX, SIGMOID)  # of answers that are listed; spelled ones have SEQUENCE


class Verdict(StrEnum):
    """Whether the best answer may be told to a person who cannot check it."""

    ANSWERED = "answered"  # certain enough to be said
    UNSURE = "unsure"  # no answer is certain enough; there are alternatives only
    UNANSWERABLE = "unanswerable"  # the photo does not hold the answer, or a skill is missing


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Scores to a verdict: scores / temperature → probabilities → thresholds."""

    temperature: float = 1.0
    answered_threshold: float = 0.5
    unanswerable_threshold: float = 0.5
    scores: str = SOFTMAX  # SIGMOID: each answer by itself; SEQUENCE: of spelled answers
    calibrated: bool = (
        True  # whether probabilities were held against real questions; else nothing is ANSWERED
    )

    def probabilities(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """Of each listed answer, [..., A]; after a softmax they sum to 1 along the last axis."""
        return (sigmoid if self.scores == SIGMOID else softmax)(logits, self.temperature)

    def verdict(self, probability: float, *, nothing_is_best: bool, nothing: float | None) -> Verdict:
        """Judge the best answer's probability; `nothing` is P("unanswerable"), None where no answer says that.

        "Unanswerable" may be the best answer, and is then never one to be ANSWERED.
        """
        if self.calibrated and not nothing_is_best and reaches(probability, self.answered_threshold):
            return Verdict.ANSWERED
        if nothing is not None and reaches(nothing, self.unanswerable_threshold):
            return Verdict.UNANSWERABLE
        return Verdict.UNSURE


def reaches(probability: float, threshold: float) -> bool:
    """Nothing reaches 1, whatever rounding makes of a probability: where no threshold is right, it is 1."""
    return threshold < 1 and probability >= threshold


def sigmoid(logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the probability of each answer by itself, [..., A]; nothing overflows."""
    scaled: NDArray[np.float64] = np.divide(logits, temperature, dtype=np.float64)
    powers = np.exp(-np.abs(scaled))
    return np.where(scaled >= 0, 1.0, powers) / (1.0 + powers)


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities [..., A] that sum to 1 along the last axis.

    The largest score is taken off first, so that nothing overflows.
    """
    powers: NDArray[np.float64] = np.divide(logits, temperature, dtype=np.float64)
    powers -= powers.max(axis=-1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers
