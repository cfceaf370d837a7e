"""A bundle's scores on questions whose answers are known, and what they come to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle
from asksight.engine.bundle.calibration import SIGMOID
from asksight.engine.bundle.spelled import Speller

from ..datasets import Dataset
from ..errors import TrainingError
from .asking import Features, scores_on
from .metric import normalise, strip_breaks
from .scored import Scored, SigmoidScores, SoftmaxScores, SpelledScores

LEAST_QUESTIONS = 100  # of fewer, no share that is wrong can be told


def scored_by(
    bundle: Bundle,
    dataset: Dataset,
    features: Features,
    *,
    most: int,
    engine: str = "auto",
    progress: Callable[[int], None] = lambda answered: None,
) -> Scored:
    """Ask `most` questions of `dataset`, evenly spread over it, or all of them where there are no more.

    An answer is right if it is the modal one, both as the official metric normalises them. Raises TrainingError where
    there are too few questions, EngineError, and what `features` raises.
    """
    if len(dataset) < LEAST_QUESTIONS:
        raise TrainingError(
            f"The split {dataset.split} has {len(dataset)} questions; at least {LEAST_QUESTIONS} are needed to say how "
            "often a model is right. Name a larger split with --split."
        )
    chosen = chosen_questions(dataset, most)
    truths = [_normal(dataset.answers_modal[question]) for question in chosen]
    places = {int(question): place for place, question in enumerate(chosen)}
    outputs = scores_on(bundle, dataset, features, engine=engine, questions=chosen.tolist())
    if bundle.spelling is None:
        logits = np.zeros((len(chosen), len(bundle.answers)), np.float32)
        for rows, scores in outputs:
            logits[[places[int(row)] for row in rows]] = scores["logits"]
            progress(len(rows))
        kind = SigmoidScores if bundle.calibration.scores == SIGMOID else SoftmaxScores
        labels = {_normal(label): place for place, label in reversed([*enumerate(bundle.answers)])}
        return kind(
            logits=logits,
            answers=np.array([labels.get(truth, -1) for truth in truths], np.int32),
            unanswerable=None if bundle.unanswerable is None else bundle.answers.index(bundle.unanswerable),
        )
    speller = Speller.of(bundle)
    texts: list[list[tuple[str, float]]] = [[] for _ in chosen]
    for rows, scores in outputs:
        spelled = speller(scores["tokens"], scores["log_probabilities"])
        for row, one in zip(rows, spelled, strict=True):
            texts[places[int(row)]] = one
        progress(len(rows))
    nothing = bundle.unanswerable
    return SpelledScores(
        texts,
        [[_normal(text) == truth for text, _ in one] for one, truth in zip(texts, truths, strict=True)],
        unanswerable=nothing,
        is_nothing=np.array([nothing is not None and truth == _normal(nothing) for truth in truths]),
    )


def chosen_questions(dataset: Dataset, most: int) -> NDArray[np.int64]:
    """The numbers of `most` questions, evenly spread over the data set."""
    return np.unique(np.linspace(0, len(dataset) - 1, min(most, len(dataset))).astype(np.int64))


def _normal(answer: str) -> str:
    return normalise(strip_breaks(answer))
