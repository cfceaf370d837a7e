"""What a model answers to a data set's questions, and how certain it is, judged as the server judges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Arrays, Bundle
from asksight.engine.bundle.calibration import Verdict
from asksight.engine.bundle.familiar import Familiarity, familiarity_of
from asksight.engine.bundle.manifest import ATTENTION
from asksight.engine.bundle.spelled import Speller

from ..datasets import Dataset
from ..datasets.photo_sides import short_side
from .asking import Answerer, FeatureBatches, Features, ReadPhoto, encoded_photos, scores_on

if TYPE_CHECKING:
    from .run_answerer import RunAnswerer

VERDICTS = tuple(Verdict)
_ANSWERED, _UNSURE = VERDICTS.index(Verdict.ANSWERED), VERDICTS.index(Verdict.UNSURE)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Row i belongs to question i of the data set."""

    labels: tuple[str, ...]  # the answers that the model knows, or that it has spelled
    best: NDArray[np.int32]  # [N], into `labels`
    confidence: NDArray[np.float32]  # [N], the calibrated probability of the best answer
    verdicts: NDArray[np.int8]  # [N], into VERDICTS
    unanswerable: NDArray[np.float32] | None = (
        None  # [N], the probability that the photo does not hold the answer
    )
    looks: NDArray[np.float32] | None = None  # [N, h, w]: how strongly each cell over the photo was looked at

    @property
    def answers(self) -> list[str]:
        return [self.labels[row] for row in self.best]


def predict(
    bundle: Bundle,
    dataset: Dataset,
    *,
    read_photo: ReadPhoto,
    engine: str = "auto",
    max_batch: int = 32,
    progress: Callable[[int], None] = lambda answered: None,
) -> Predictions:
    """Answer every question of `dataset`; `progress` is told how many were just answered.

    Raises DatasetError where the data set has no photos, EngineError, and what `read_photo` raises.
    """
    features = encoded_photos(bundle, dataset, read_photo=read_photo, engine=engine, max_batch=max_batch)
    return predict_on(bundle, dataset, features, engine=engine, max_batch=max_batch, progress=progress)


def predict_on(
    model: Bundle | RunAnswerer,
    dataset: Dataset,
    features: Features,
    *,
    engine: str = "auto",
    max_batch: int = 32,
    progress: Callable[[int], None] = lambda answered: None,
) -> Predictions:
    """Answer every question of `dataset` from `features`. Raises EngineError, and what `features` raises."""
    judge = _judge(model)
    best = np.zeros(len(dataset), np.int32)
    confidence = np.zeros(len(dataset), np.float32)
    verdicts = np.zeros(len(dataset), np.int8)
    unanswerable = np.zeros(len(dataset), np.float32)
    looks: NDArray[np.float32] | None = None
    whole = isinstance(model, Bundle) and model.sees_whole_photos
    known = familiarity_of(model) if isinstance(model, Bundle) else model.familiarity
    watched = _Watched(known, dataset, features)
    for rows, scores in scores_on(model, dataset, watched, engine=engine, max_batch=max_batch):
        best[rows], confidence[rows], unanswerable[rows] = judged = judge(scores)
        verdicts[rows] = _verdicts(model, judge, judged)
        unlike = [row for row in rows.tolist() if watched.unlike(row)]
        verdicts[unlike] = np.where(verdicts[unlike] == _ANSWERED, _UNSURE, verdicts[unlike])
        if whole and (seen := scores.get(ATTENTION)) is not None:
            looks = np.zeros((len(dataset), *seen.shape[1:]), np.float32) if looks is None else looks
            looks[rows] = seen
        progress(len(rows))
    return Predictions(
        labels=judge.labels,
        best=best,
        confidence=confidence,
        verdicts=verdicts,
        unanswerable=None if model.unanswerable is None else unanswerable,
        looks=looks,
    )


class _Watched:
    """Features on their way to the answerer; of each photo it is kept whether it is unlike what the bundle knows."""

    def __init__(self, familiarity: Familiarity | None, dataset: Dataset, features: Features) -> None:
        self._familiarity = familiarity
        self._dataset = dataset
        self._features = features
        self._far: dict[int, bool] = {}

    def __call__(self, image_ids: Sequence[int]) -> FeatureBatches:
        batches = self._features(image_ids)
        try:
            for some, features in batches:
                if self._familiarity is not None:
                    self._far |= zip(some, self._familiarity.far(features).tolist(), strict=True)
                    self._far |= {one: True for one in some if self._too_small(self._familiarity, one)}
                yield some, features
        finally:
            batches.close()

    def _too_small(self, familiarity: Familiarity, image_id: int) -> bool:
        if familiarity.told.smallest_side is None or self._dataset.photos is None:
            return False
        return familiarity.too_small(short_side(self._dataset.photo(image_id)))

    def unlike(self, row: int) -> bool:
        """Whether the question, or its photo, is unlike what the bundle knows."""
        if self._familiarity is None:
            return False
        image_id, question = self._dataset.image_ids[row], self._dataset.questions[row]
        return self._far[image_id] or self._familiarity.strange(question)


class _Judged(NamedTuple):
    best: NDArray[np.intp]  # [n], into the judge's labels
    confidence: NDArray[np.float64]  # [n]
    nothing: NDArray[np.float64]  # [n], P(unanswerable); 0 where no answer says that


class _Judge(Protocol):
    """What an answerer gave for n questions → the best answer of each, and how probable it is."""

    nothing: int | None  # the label that says "unanswerable"
    no_answers: frozenset[int | None]  # labels that are never ANSWERED

    @property
    def labels(self) -> tuple[str, ...]: ...
    def __call__(self, scores: Arrays) -> _Judged: ...


def _judge(model: Answerer) -> _Judge:
    if isinstance(model, Bundle) and model.spelling is not None:
        return _SpelledJudge(model)
    return _ListedJudge(model)


class _ListedJudge:
    def __init__(self, model: Answerer) -> None:
        self.labels = model.answers
        self.nothing = None if model.unanswerable is None else model.answers.index(model.unanswerable)
        self.no_answers = frozenset({self.nothing})
        self._calibration = model.calibration

    def __call__(self, scores: Arrays) -> _Judged:
        probabilities = self._calibration.probabilities(scores["logits"])  # [n, A]
        best = probabilities.argmax(axis=1)
        nothing = np.zeros(len(best)) if self.nothing is None else probabilities[:, self.nothing]
        return _Judged(best, probabilities[np.arange(len(best)), best], nothing)


class _SpelledJudge:
    """Its labels are what was spelled so far; the first is no answer at all."""

    def __init__(self, bundle: Bundle) -> None:
        self._speller = Speller.of(bundle, temperature=bundle.calibration.temperature)
        self._nothing = bundle.unanswerable
        self._places: dict[str, int] = {"": 0}
        self.nothing = None if self._nothing is None else self._place(self._nothing)
        self.no_answers = frozenset({self.nothing, 0})

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._places)

    def _place(self, text: str) -> int:
        return self._places.setdefault(text, len(self._places))

    def __call__(self, scores: Arrays) -> _Judged:
        spelled = self._speller(scores["tokens"], scores["log_probabilities"])
        firsts = [texts[0] if texts else ("", 0.0) for texts in spelled]
        nothing = [0.0 if self._nothing is None else dict(texts).get(self._nothing, 0.0) for texts in spelled]
        return _Judged(
            np.array([self._place(text) for text, _ in firsts], np.intp),
            np.array([value for _, value in firsts]),
            np.array(nothing),
        )


def _verdicts(model: Answerer, judge: _Judge, judged: _Judged) -> NDArray[np.int8]:
    """As the server judges."""
    nothing = judge.nothing
    verdicts = [
        model.calibration.verdict(
            sure, nothing_is_best=best in judge.no_answers, nothing=None if nothing is None else empty
        )
        for best, sure, empty in zip(*(column.tolist() for column in judged), strict=True)
    ]
    return np.array([VERDICTS.index(verdict) for verdict in verdicts], np.int8)
