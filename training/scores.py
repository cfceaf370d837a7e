"""Figures from answers: exact match, the official VQA accuracy, calibration error, and each by type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .datasets import Dataset
from .evaluate import VERDICTS, Predictions
from .metric import percent, vqa_accuracy


def score(dataset: Dataset, predictions: Predictions) -> dict[str, Any]:
    """All figures of one evaluation, ready for JSON; accuracies in percent, `ece` and shares from 0 to 1."""
    answers = predictions.answers
    exact = exact_matches(answers, dataset.answers_modal)
    figures = score_answers(dataset, answers)
    verdicts = predictions.verdicts
    answered = exact[verdicts == VERDICTS.index("answered")]
    return figures | {
        "ece": round(calibration_error(predictions.confidence, exact), 5),
        "verdicts": {
            verdict: round(float(np.mean(verdicts == code)), 5) if len(verdicts) else 0.0
            for code, verdict in enumerate(VERDICTS)
        },
        "exact_when_answered": percent(answered.tolist()),
    }


def score_answers(dataset: Dataset, answers: Sequence[str]) -> dict[str, Any]:
    """Exact match with the modal answer and the official metric, overall and by type; answers in order."""
    exact = exact_matches(answers, dataset.answers_modal)
    vqa = np.array([vqa_accuracy(a, all_) for a, all_ in zip(answers, dataset.answers_all, strict=True)])
    return {
        "exact": percent(exact.tolist()),
        "vqa": percent(vqa.tolist()),
        "count": len(dataset),
        "photos": len(set(dataset.image_ids)),
        "by_type": _by(dataset.question_types, exact, vqa),
        "by_answer_type": _by(dataset.answer_types, exact, vqa),
    }


def exact_matches(answers: Iterable[str], modal: Iterable[str]) -> NDArray[np.bool_]:
    """[N]: whether each answer is the very modal answer. Not the official metric, and stricter than it."""
    return np.array([answer == best for answer, best in zip(answers, modal, strict=True)], bool)


def calibration_error(confidence: NDArray[Any], right: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Expected calibration error, 0 to 1: Guo et al. 2017, "On Calibration of Modern Neural Networks", (3).

    Over equal bins of confidence: how far mean confidence and accuracy are apart, weighted by how many fall there.
    """
    if not len(confidence):
        return 0.0
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # bin m is ((m-1)/M, m/M]
    gaps = np.bincount(places, weights=right - confidence.astype(np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def _by(types: Sequence[str], exact: NDArray[np.bool_], vqa: NDArray[np.float64]) -> dict[str, Any]:
    """Figures by type, sorted by name."""
    names, places = np.unique(np.array(types, dtype=object).astype(str), return_inverse=True)
    return {
        str(name): {
            "exact": percent(exact[places == code].tolist()),
            "vqa": percent(vqa[places == code].tolist()),
            "count": int(np.sum(places == code)),
        }
        for code, name in enumerate(names)
    }
