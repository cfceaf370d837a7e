"""An answerer's scores → calibrated probabilities, the best answers, and whether the best may be said.

Probabilities are softmax(scores / temperature) (Guo et al., On Calibration of Modern Neural Networks, 2017, 4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Calibration

from .asks import Answer, Verdict


class Judge:
    """Judges one row of scores at a time. Read-only, thread-safe."""

    def __init__(self, answers: Sequence[str], unanswerable: str | None, calibration: Calibration) -> None:
        self._answers = answers
        self._unanswerable = unanswerable
        self._nothing = None if unanswerable is None else answers.index(unanswerable)
        self._calibration = calibration

    def __call__(
        self, logits: NDArray[Any], top_k: int
    ) -> tuple[tuple[Answer, ...], Verdict, tuple[str, ...]]:
        """Return the `top_k` answers best first, the verdict, and the two likeliest real answers, for speech.

        logits: [A]. "Unanswerable" is one of the answers, but never one to be ANSWERED or spoken as an alternative.
        """
        probabilities = softmax(logits, self._calibration.temperature)  # [A]
        ranked = [int(i) for i in np.argsort(-probabilities, kind="stable")[: max(top_k, 3)]]
        best = tuple(
            Answer(label=self._answers[i], probability=float(probabilities[i])) for i in ranked[:top_k]
        )
        likeliest = tuple(self._answers[i] for i in ranked[:3] if i != self._nothing)[:2]
        return best, self._verdict(probabilities, ranked[0]), likeliest

    def _verdict(self, probabilities: NDArray[np.float64], best: int) -> Verdict:
        if best != self._nothing and probabilities[best] >= self._calibration.answered_threshold:
            return Verdict.ANSWERED
        if (
            self._nothing is not None
            and probabilities[self._nothing] >= self._calibration.unanswerable_threshold
        ):
            return Verdict.UNANSWERABLE
        return Verdict.UNSURE


def softmax(logits: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Return probabilities that sum to 1; the largest score is taken off first, so that nothing overflows."""
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max())
    return np.asarray(powers / powers.sum())
