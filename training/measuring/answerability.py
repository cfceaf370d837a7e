"""VizWiz's second task, whether a photo holds the answer at all; the questions to be found are the unanswerable ones.

As its published program has it (VizWiz Python API, Q. Li): average precision and F1 of "unanswerable", the latter
where its probability is above a half; times 100, to two places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def answerability(unanswerable: NDArray[Any], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Both figures in percent, of probabilities [N] and of whether each question is unanswerable [N]."""
    return {
        "average_precision": round(100 * average_precision(unanswerable, truth), 2),
        "f1": round(100 * f1(np.asarray(unanswerable) > 0.5, truth), 2),
    }


def average_precision(scores: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """The mean of precision at each step of recall, 0 to 1; equal scores are one step. 0 if nothing is true.

    Not interpolated: sum over thresholds of (R_n - R_(n-1)) P_n, as scikit-learn has it.
    """
    if not truth.any():
        return 0.0
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ranked = np.asarray(scores, np.float64)[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each group of equal scores
    found = np.cumsum(truth[order])[last]
    precision, recall = found / (last + 1), found / truth.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def f1(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """The harmonic mean of precision and recall, 0 to 1; 0 if nothing was said and nothing is true."""
    both = int(np.sum(said & truth))
    counted = int(said.sum()) + int(truth.sum())
    return 2 * both / counted if counted else 0.0
