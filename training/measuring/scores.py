"""Figures from answers: exact match, the official VQA accuracy, calibration error, and each by type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from .answerability import answerability
from .evaluate import VERDICTS, Predictions
from .metric import percent, vizwiz_accuracy, vqa_accuracy
from .reliability import calibration_error


def score(dataset: Dataset, predictions: Predictions) -> dict[str, Any]:
    """All figures of one evaluation, ready for JSON; accuracies in percent, `ece` and shares from 0 to 1."""
    answers = predictions.answers
    exact = exact_matches(answers, dataset.answers_modal)
    figures = score_answers(dataset, answers)
    if predictions.unanswerable is not None:
        figures |= score_answerability(dataset, predictions.unanswerable)
    verdicts = predictions.verdicts
    answered = exact[verdicts == VERDICTS.index("answered")]
    return figures | {
        "ece": round(calibration_error(predictions.confidence, exact), 5),
        **shares(predictions),
        "exact_when_answered": percent(answered.tolist()),
    }


def shares(predictions: Predictions) -> dict[str, Any]:
    """`verdicts`: how often each is given, from 0 to 1; that needs nobody's answers."""
    verdicts = predictions.verdicts
    return {
        "verdicts": {
            verdict: round(float(np.mean(verdicts == code)), 5) if len(verdicts) else 0.0
            for code, verdict in enumerate(VERDICTS)
        }
    }


def score_answers(dataset: Dataset, answers: Sequence[str]) -> dict[str, Any]:
    """Exact match with the modal answer and the official metric, overall and by type; answers in order.

    VizWiz has an official metric of its own, `vizwiz`, which stands beside VQA's.
    """
    columns = {
        "exact": exact_matches(answers, dataset.answers_modal).astype(np.float64),
        "vqa": accuracies(dataset, answers),
    }
    if dataset.name == "vizwiz":
        pairs = zip(answers, dataset.answers_all, strict=True)
        columns["vizwiz"] = np.array([vizwiz_accuracy(answer, everybody) for answer, everybody in pairs])
    return {key: percent(column.tolist()) for key, column in columns.items()} | {
        "count": len(dataset),
        "photos": len(set(dataset.image_ids)),
        "by_type": _by(dataset.question_types, columns),
        "by_answer_type": _by(dataset.answer_types, columns),
    }


def accuracies(dataset: Dataset, answers: Sequence[str]) -> NDArray[np.float64]:
    """[N]: the official accuracy of each answer, 0 to 1."""
    return np.array([vqa_accuracy(a, all_) for a, all_ in zip(answers, dataset.answers_all, strict=True)])


def score_answerability(dataset: Dataset, unanswerable: NDArray[Any]) -> dict[str, Any]:
    """`answerability` in percent, from probabilities [N], where the data set says of each photo; else nothing."""
    if not len(dataset) or any(answerable is None for answerable in dataset.answerable):
        return {}
    truth = ~np.array(dataset.answerable, bool)
    return {"answerability": answerability(unanswerable, truth)}


def exact_matches(answers: Iterable[str], modal: Iterable[str]) -> NDArray[np.bool_]:
    """[N]: whether each answer is the very modal answer. Not the official metric, and stricter than it."""
    return np.array([answer == best for answer, best in zip(answers, modal, strict=True)], bool)


def _by(types: Sequence[str], columns: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Figures by type, sorted by name."""
    names, places = np.unique(np.array(types, dtype=object).astype(str), return_inverse=True)
    return {
        str(name): {key: percent(column[places == code].tolist()) for key, column in columns.items()}
        | {"count": int(np.sum(places == code))}
        for code, name in enumerate(names)
    }
