"""Computes what the page shows: training curves, confusions, and the most confident mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, Record
from ..measuring.evaluate import Predictions
from ..measuring.scores import accuracies, exact_matches

SOMETHING_ELSE = "something else"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A question that was answered wrongly."""

    record: Record
    said: str
    confidence: float  # 0 to 1
    accuracy: float  # by the official metric, 0 to 1
    look: NDArray[np.float32] | None = None  # [h, w]: how strongly each cell over the photo was looked at

    @property
    def humans(self) -> str:
        """The people's answers, the commonest first, as in "red (7), dark red (3)"."""
        return ", ".join(
            f"{answer} ({times})" for answer, times in Counter(self.record.answers).most_common(4)
        )


def mistakes(dataset: Dataset, predictions: Predictions, *, most: int = 20) -> list[Mistake]:
    """The most confident wrong answers: not the modal answer, and with an accuracy below 0.5."""
    said = predictions.answers
    accuracy = accuracies(dataset, said)
    wrong = ~exact_matches(said, dataset.answers_modal) & (accuracy < 0.5)
    places = np.flatnonzero(wrong)
    chosen = places[np.argsort(-predictions.confidence[places], kind="stable")][:most]
    records = {place: record for place, record in enumerate(dataset) if place in set(chosen.tolist())}
    return [
        Mistake(
            record=records[place],
            said=said[place],
            confidence=float(predictions.confidence[place]),
            accuracy=float(accuracy[place]),
            look=None if predictions.looks is None else predictions.looks[place],
        )
        for place in chosen.tolist()
    ]


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """`counts[i][j]`: to how many questions with the modal answer `labels[i]` the model gave `columns[j]`.

    The last column is all other answers.
    """

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion(dataset: Dataset, predictions: Predictions, *, most: int = 12) -> Confusion:
    """Confusions among the `most` commonest answers."""
    pairs = Counter(zip(dataset.answers_modal, predictions.answers, strict=True))
    labels = tuple(label for label, _ in Counter(dataset.answers_modal).most_common(most))
    totals = Counter(dataset.answers_modal)
    rows = []
    for label in labels:
        known = [pairs[label, said] for said in labels]
        rows.append((*known, totals[label] - sum(known)))
    return Confusion(labels=labels, columns=(*labels, SOMETHING_ELSE), counts=tuple(rows))


def history_lines(history: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """The numbers of a run's history as points (step or epoch, value), by name; of groups only `all`."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for place, row in enumerate(history, start=1):
        at = float(row.get("step", row.get("epoch", place)))
        for key, value in row.items():
            value = value.get("all") if isinstance(value, Mapping) else value
            if key not in ("step", "epoch") and isinstance(value, int | float) and np.isfinite(value):
                lines.setdefault(key, []).append((at, float(value)))
    return lines
