"""A data set's questions put to a model: each photo encoded once, or looked up, and everything in batches.

The same engines, words and photo decoding as in serving, without the server between; no TensorFlow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Arrays, Bundle, Calibration, Engine, EngineError
from asksight.engine.cores import available_cores
from asksight.engine.plans.pick import DEFAULT, open_stage
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext.opening import open_words

from ..datasets import Dataset

ReadPhoto = Callable[
    [Path], Mapping[str, NDArray[Any]]
]  # as the bundle's encoder takes it, by its inputs' names
FeatureBatches = Generator[
    tuple[list[int], NDArray[Any]], None, None
]  # some image ids, features [n, ...] of each
Features = Callable[[Sequence[int]], FeatureBatches]  # of these photos, in order


class Answerer(Protocol):
    """What answers questions about features: a bundle, or a run without its encoder."""

    @property
    def answerer_path(self) -> Path: ...  # ONNX
    @property
    def word_table(self) -> Mapping[str, Any]: ...  # the arguments of `open_words`
    @property
    def answers(self) -> tuple[str, ...]: ...
    @property
    def calibration(self) -> Calibration: ...
    @property
    def unanswerable(self) -> str | None: ...


def encoded_photos(
    bundle: Bundle, dataset: Dataset, *, read_photo: ReadPhoto, engine: str = "auto", max_batch: int = 32
) -> Features:
    """Features by the bundle's encoder, from photos that are read when they are asked for."""

    def features(image_ids: Sequence[int]) -> FeatureBatches:
        with closing(open_stage(bundle, "encoder", engine, max_batch=max_batch).engine) as encoder:
            for some, photos in _photos(dataset, image_ids, read_photo, max_batch):
                yield some, encoder.infer(photos)["features"]

    return features


def scores_on(
    model: Answerer,
    dataset: Dataset,
    features: Features,
    *,
    engine: str = "auto",
    max_batch: int = 32,
    questions: Sequence[int] | None = None,
) -> Generator[tuple[NDArray[np.intp], Arrays], None, None]:
    """Batches of what the answerer gives: numbers of questions of `dataset` [n], and its outputs, n rows each.

    `questions` are the numbers of those that are asked, None all. Raises EngineError, and what `features` raises.
    """
    asked: dict[int, list[int]] = {}
    for question in range(len(dataset)) if questions is None else questions:
        asked.setdefault(dataset.image_ids[question], []).append(question)
    table = open_words(model.word_table)
    with (
        closing(_open_answerer(model, engine, max_batch)) as answerer,
        closing(features(list(asked))) as batches,
    ):
        for image_ids, of_photos in batches:
            numbers = np.concatenate([asked[image_id] for image_id in image_ids])
            places = np.repeat(np.arange(len(image_ids)), [len(asked[image_id]) for image_id in image_ids])
            for start in range(0, len(numbers), max_batch):
                rows = numbers[start : start + max_batch]
                vectors, lengths = table.vectors([dataset.questions[row] for row in rows])  # [n, T, D], [n]
                seen = of_photos[places[start : start + max_batch]]
                yield rows, answerer.infer({"question": vectors, "lengths": lengths, "features": seen})


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
) -> Iterator[tuple[list[int], Arrays]]:
    """Batches of photos in order, as the encoder takes them, read by threads a few batches ahead."""
    waiting: deque[tuple[int, Future[Mapping[str, NDArray[Any]]]]] = deque()
    rest = iter(image_ids)
    with ThreadPoolExecutor(available_cores()) as pool:
        try:
            while True:
                for image_id in islice(rest, 3 * batch - len(waiting)):
                    waiting.append((image_id, pool.submit(read_photo, dataset.photo(image_id))))
                if not waiting:
                    return
                taken = [waiting.popleft() for _ in range(min(batch, len(waiting)))]
                seen = [photo.result() for _, photo in taken]
                yield (
                    [image_id for image_id, _ in taken],
                    {name: np.stack([one[name] for one in seen]) for name in seen[0]},
                )
        finally:
            pool.shutdown(cancel_futures=True)
