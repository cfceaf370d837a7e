"""What a model on stored features answers, and how well: its logits, and its figures on validation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cluster.together import Together
from ..measuring.scored import SoftmaxScores
from .stored import StoredQuestions, in_order
from .stored_learner import StoredLearner

HELD = 64 << 20  # bytes of features that are measured on at a time
_MEASURED = 512  # questions at a time, at most


def feature_bytes(questions: StoredQuestions) -> int:
    """Of the features of one question."""
    return 4 * math.prod(questions.feature_shape)


def predict_stored(learner: StoredLearner, questions: StoredQuestions) -> NDArray[np.float32]:
    """Logits [N,A] of every question."""
    logits = np.zeros((len(questions), learner.answerer.output_shape[-1]), np.float32)
    for chosen, batch in in_order(questions, size=_at_a_time(questions)):
        logits[chosen] = learner.logits(batch)
    return logits


def measure_stored(
    learner: StoredLearner, validation: StoredQuestions, together: Together | None = None
) -> dict[str, Any]:
    """The share of modal answers that are met, by answer type, and the loss on those that are known.

    Several workers measure some of the questions each, and all have the figures of all.
    """
    size = _at_a_time(validation)
    right, losses = np.zeros(len(validation)), np.zeros(-(-len(validation) // size))
    index, of = (0, 1) if together is None else (together.cluster.index, len(together.cluster))
    for at, (chosen, batch) in enumerate(in_order(validation, size=size, share=(index, of))):
        logits, modal = learner.logits(batch), validation.modal[chosen]
        right[chosen] = logits.argmax(axis=1) == modal
        known = np.count_nonzero(modal >= 0)
        losses[index + at * of] = known * SoftmaxScores(logits=logits, answers=modal, unanswerable=None).loss(
            1.0
        )
    if together is not None:
        right, losses = together.sum(right), together.sum(losses)
    types, met = np.array(validation.types), right > 0
    exact = {"all": float(met.mean())}
    exact |= {kind: float(met[types == kind].mean()) for kind in sorted(set(validation.types))}
    count = np.count_nonzero(validation.modal >= 0)
    return {"val_loss": float(losses.sum()) / count if count else 0.0, "val_exact": exact}


def _at_a_time(questions: StoredQuestions) -> int:
    return max(1, min(_MEASURED, HELD // feature_bytes(questions)))
