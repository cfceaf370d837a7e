"""What a model answers to a data set's questions: each photo encoded once, or looked up, and everything in batches.

The same engines, words and photo decoding as in serving, without the server between; no TensorFlow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle, Calibration, Engine, EngineError
from asksight.engine.bundle.calibration import Verdict
from asksight.engine.cores import available_cores
from asksight.engine.plans.pick import DEFAULT, open_stage
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext import WordTable

from ..datasets import Dataset

ReadPhoto = Callable[[Path], NDArray[Any]]  # as the bundle's encoder takes it, [H, W, 3]
FeatureBatches = Generator[
    tuple[list[int], NDArray[Any]], None, None
]  # some image ids, features [n, ...] of each
Features = Callable[[Sequence[int]], FeatureBatches]  # of these photos, in order
VERDICTS = tuple(Verdict)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Row i belongs to question i of the data set."""

    labels: tuple[str, ...]  # the answers that the model knows
    best: NDArray[np.int32]  # [N], into `labels`
    confidence: NDArray[np.float32]  # [N], the calibrated probability of the best answer
    verdicts: NDArray[np.int8]  # [N], into VERDICTS
    unanswerable: NDArray[np.float32] | None = (
        None  # [N], the probability that the photo does not hold the answer
    )

    @property
    def answers(self) -> list[str]:
        return [self.labels[row] for row in self.best]


class Answerer(Protocol):
    """What answers questions about features: a bundle, or a run without its encoder."""

    @property
    def answerer_path(self) -> Path: ...  # ONNX
    @property
    def word_table(self) -> Mapping[str, Any]: ...  # the arguments of WordTable
    @property
    def answers(self) -> tuple[str, ...]: ...
    @property
    def calibration(self) -> Calibration: ...
    @property
    def unanswerable(self) -> str | None: ...


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


def encoded_photos(
    bundle: Bundle, dataset: Dataset, *, read_photo: ReadPhoto, engine: str = "auto", max_batch: int = 32
) -> Features:
    """Features by the bundle's encoder, from photos that are read when they are asked for."""

    def features(image_ids: Sequence[int]) -> FeatureBatches:
        with closing(open_stage(bundle, "encoder", engine, max_batch=max_batch).engine) as encoder:
            for some, photos in _photos(dataset, image_ids, read_photo, max_batch):
                yield some, encoder.infer({"image": photos})["features"]

    return features


def predict_on(
    model: Answerer,
    dataset: Dataset,
    features: Features,
    *,
    engine: str = "auto",
    max_batch: int = 32,
    progress: Callable[[int], None] = lambda answered: None,
) -> Predictions:
    """Answer every question of `dataset` from `features`. Raises EngineError, and what `features` raises."""
    asked: dict[int, list[int]] = {}
    for question, image_id in enumerate(dataset.image_ids):
        asked.setdefault(image_id, []).append(question)
    table = WordTable(**model.word_table)
    judge = _Judge(model)
    best = np.zeros(len(dataset), np.int32)
    confidence = np.zeros(len(dataset), np.float32)
    verdicts = np.zeros(len(dataset), np.int8)
    unanswerable = np.zeros(len(dataset), np.float32)
    with (
        closing(_open_answerer(model, engine, max_batch)) as answerer,
        closing(features(list(asked))) as batches,
    ):
        for image_ids, of_photos in batches:
            questions = np.concatenate([asked[image_id] for image_id in image_ids])
            places = np.repeat(np.arange(len(image_ids)), [len(asked[image_id]) for image_id in image_ids])
            for start in range(0, len(questions), max_batch):
                rows = questions[start : start + max_batch]
                texts = [dataset.questions[row] for row in rows]
                logits = _answer(answerer, table, texts, of_photos[places[start : start + max_batch]])
                best[rows], confidence[rows], verdicts[rows], unanswerable[rows] = judge(logits)
                progress(len(rows))
    return Predictions(
        labels=model.answers,
        best=best,
        confidence=confidence,
        verdicts=verdicts,
        unanswerable=None if model.unanswerable is None else unanswerable,
    )


def _open_answerer(model: Answerer, engine: str, max_batch: int) -> Engine:
    """As in serving, where it is a bundle; a run alone has no plans to choose from."""
    if isinstance(model, Bundle):
        return open_stage(model, "answerer", engine, max_batch=max_batch).engine
    if engine not in ("auto", DEFAULT):
        raise EngineError(
            f"A run has no plans for {engine}; export it, compile the bundle and evaluate that."
        )
    return OnnxRuntimeEngine(model.answerer_path, max_batch=max_batch)


def _photos(
    dataset: Dataset, image_ids: Sequence[int], read_photo: ReadPhoto, batch: int
) -> Iterator[tuple[list[int], NDArray[Any]]]:
    """Batches of photos [n, H, W, 3] in order, read by threads a few batches ahead."""
    waiting: deque[tuple[int, Future[NDArray[Any]]]] = deque()
    rest = iter(image_ids)
    with ThreadPoolExecutor(available_cores()) as pool:
        try:
            while True:
                for image_id in islice(rest, 3 * batch - len(waiting)):
                    waiting.append((image_id, pool.submit(read_photo, dataset.photo(image_id))))
                if not waiting:
                    return
                taken = [waiting.popleft() for _ in range(min(batch, len(waiting)))]
                yield [image_id for image_id, _ in taken], np.stack([photo.result() for _, photo in taken])
        finally:
            pool.shutdown(cancel_futures=True)


def _answer(
    answerer: Engine, table: WordTable, questions: Sequence[str], features: NDArray[Any]
) -> NDArray[Any]:
    vectors, lengths = table.vectors(questions)  # [n, T, D], [n]
    return answerer.infer({"question": vectors, "lengths": lengths, "features": features})["logits"]


class _Judge:
    """Logits [n, A] → best answer, its probability, the verdict as the server judges, and P(unanswerable)."""

    def __init__(self, model: Answerer) -> None:
        self._calibration = model.calibration
        self._nothing = None if model.unanswerable is None else model.answers.index(model.unanswerable)

    def __call__(
        self, logits: NDArray[Any]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]]:
        probabilities = self._calibration.probabilities(logits)
        best = probabilities.argmax(axis=1)
        confidence = probabilities[np.arange(len(best)), best]
        nothing = np.zeros(len(best)) if self._nothing is None else probabilities[:, self._nothing]
        verdicts = [
            VERDICTS.index(
                self._calibration.verdict(
                    sure,
                    nothing_is_best=place == self._nothing,
                    nothing=None if self._nothing is None else empty,
                )
            )
            for place, sure, empty in zip(best.tolist(), confidence.tolist(), nothing.tolist(), strict=True)
        ]
        return best, confidence, np.array(verdicts, np.int8), nothing
