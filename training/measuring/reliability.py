"""How far stated probabilities can be trusted: reliability by confidence, and risk by coverage.

Expected calibration error: Guo et al. 2017, "On Calibration of Modern Neural Networks", (3). Risk and coverage:
Geifman & El-Yaniv 2017, "Selective Classification for Deep Neural Networks", section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Answers whose probability is above `low` and at most `high`; both means are 0 where there are none."""

    low: float
    high: float
    count: int
    confidence: float  # mean probability
    accuracy: float  # share that is right


def reliability(confidence: NDArray[Any], right: NDArray[np.bool_], *, bins: int = BINS) -> tuple[Bin, ...]:
    """Answers in equal bins of probability."""
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # bin m is ((m-1)/M, m/M]
    counts = np.bincount(places, minlength=bins)
    said = np.bincount(places, weights=confidence.astype(np.float64), minlength=bins)
    true = np.bincount(places, weights=right, minlength=bins)
    return tuple(
        Bin(
            low=m / bins,
            high=(m + 1) / bins,
            count=int(counts[m]),
            confidence=float(said[m] / counts[m]) if counts[m] else 0.0,
            accuracy=float(true[m] / counts[m]) if counts[m] else 0.0,
        )
        for m in range(bins)
    )


def calibration_error(confidence: NDArray[Any], right: NDArray[np.bool_], *, bins: int = BINS) -> float:
    """Expected calibration error, 0 to 1: how far confidence and accuracy are apart, over bins, by their size."""
    if not len(confidence):
        return 0.0
    return sum(
        one.count * abs(one.confidence - one.accuracy) for one in reliability(confidence, right, bins=bins)
    ) / len(confidence)


@dataclass(frozen=True, kw_only=True)
class RiskCoverage:
    """Point k answers where confidence is at least `thresholds[k]`, from the strictest to answering everything."""

    thresholds: NDArray[np.float64]  # [K], falling, each a confidence that occurs
    coverage: NDArray[np.float64]  # [K]: the share of questions that is answered
    risk: NDArray[np.float64]  # [K]: the share of answers that is wrong

    def widest(self, max_risk: float) -> int | None:
        """The point that answers most while at most `max_risk` of it is wrong; None if there is none."""
        allowed = np.flatnonzero(self.risk <= max_risk)
        return int(allowed[-1]) if len(allowed) else None

    def at(self, threshold: float) -> int | None:
        """The point that a threshold makes; None where no confidence reaches it, and for 1, which none does."""
        reached = np.flatnonzero(self.thresholds >= threshold)
        return int(reached[-1]) if len(reached) and threshold < 1 else None


def risk_coverage(
    confidence: NDArray[Any], right: NDArray[np.bool_], *, of: int | None = None
) -> RiskCoverage:
    """The curve of answers [N] by confidence [N]; `of` is how many questions coverage is a share of (N if None).

    Answers of one confidence are said together or not at all, so each distinct confidence is one point.
    """
    order = np.argsort(-np.asarray(confidence, np.float64), kind="stable")
    ranked = np.asarray(confidence, np.float64)[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1) if len(ranked) else np.zeros(0, int)
    said = last + 1
    return RiskCoverage(
        thresholds=ranked[last],
        coverage=said / max(1, len(ranked) if of is None else of),
        risk=np.cumsum(~right[order])[last] / said,
    )
