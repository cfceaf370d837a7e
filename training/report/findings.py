"""What the page shows, worked out of answers: lines of history, confusion, and the mistakes that were most certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    accuracy: float  # official, 0 to 1

    @property
    def humans(self) -> str:
        """What people said, the commonest first, as in "red (7), dark red (3)"."""
        return ", ".join(
            f"{answer} ({times})" for answer, times in Counter(self.record.answers).most_common(4)
        )


def mistakes(dataset: Dataset, predictions: Predictions, *, most: int = 20) -> list[Mistake]:
    """The wrong answers that were most certain. Wrong is what is not the modal answer and less than half right."""
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
        )
        for place in chosen.tolist()
    ]


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """`counts[i][j]` questions with the modal answer `labels[i]` got `columns[j]`, of which the last is any other."""

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion(dataset: Dataset, predictions: Predictions, *, most: int = 12) -> Confusion:
    """Among the `most` commonest answers."""
    pairs = Counter(zip(dataset.answers_modal, predictions.answers, strict=True))
    labels = tuple(label for label, _ in Counter(dataset.answers_modal).most_common(most))
    totals = Counter(dataset.answers_modal)
    rows = []
    for label in labels:
        known = [pairs[label, said] for said in labels]
        rows.append((*known, totals[label] - sum(known)))
    return Confusion(labels=labels, columns=(*labels, SOMETHING_ELSE), counts=tuple(rows))


def history_lines(history: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Each number of a run's history over its steps (or epochs), by name; of groups, the whole (`all`)."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for place, row in enumerate(history, start=1):
        at = float(row.get("step", row.get("epoch", place)))
        for key, value in row.items():
            value = value.get("all") if isinstance(value, Mapping) else value
            if key not in ("step", "epoch") and isinstance(value, int | float) and np.isfinite(value):
                lines.setdefault(key, []).append((at, float(value)))
    return lines
