"""A run's answerer alone, with features from a store or, for a model of questions alone, with none: no encoder runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asksight.engine import Calibration
from asksight.engine.bundle.familiar import Familiarity, read_familiarity

from ..datasets import Dataset
from ..errors import FeatureError
from ..exporting.export_encoder import other_encoder, uses_store
from ..features.store import FeatureStore, read_about
from ..learning.learned import read_config
from ..learning.runs import Run
from ..learning.stored_settings import QUESTION_ONLY
from .asking import FeatureBatches, Features

if TYPE_CHECKING:
    from ..learning.learned import Learned

_ROWS = 256  # photos whose features are in memory at a time


@dataclass(frozen=True, kw_only=True)
class RunAnswerer:
    """What evaluation and the report ask of a bundle."""

    name: str
    version: str
    answerer_path: Path
    word_table: Mapping[str, Any]
    answers: tuple[str, ...]
    calibration: Calibration
    unanswerable: str | None
    familiarity: Familiarity | None
    training: Mapping[str, Any]


@contextmanager
def answerer_of_run(path: Path, features: Features, image_ids: Sequence[int]) -> Iterator[RunAnswerer]:
    """The answerer of the run `path` in ONNX, as long as the context lasts, after comparing it with Keras.

    That is done on `features` of the first of `image_ids`. Raises ExportError as `export_run` does.
    """
    from ..exporting.export import SAMPLES, answerer_logits, compare, keras_logits, sample_questions
    from ..exporting.keras_onnx import save_onnx
    from ..learning.learned import read_learned

    learned = read_learned(path)
    limit = learned.config["max_tokens"]
    with tempfile.TemporaryDirectory(prefix="asksight-run-") as folder:
        graph = Path(folder) / "answerer.onnx"
        save_onnx(learned.answerer, graph, output_names=["logits"])
        photos = list(dict.fromkeys(image_ids))[:SAMPLES]
        if photos:
            _, some = next(features(photos))
            seen = some[np.arange(SAMPLES) % len(some)].astype(np.float32)
            questions, lengths = sample_questions(learned.vectors, limit=limit, seed=0)
            keras = keras_logits(learned.answerer, seen, questions, lengths)
            onnx = answerer_logits(graph, seen, questions, lengths)
            compare(*(logits / learned.calibration.temperature for logits in (keras, onnx)))
        yield RunAnswerer(
            name=path.resolve().name,
            version="run",
            answerer_path=graph,
            word_table={
                "words": learned.words,
                "vectors": learned.vectors,
                "limit": limit,
                "unknown_rows": learned.unknown_rows,
            },
            answers=tuple(learned.answers),
            calibration=learned.calibration,
            unanswerable=learned.unanswerable,
            familiarity=_familiarity(learned),
            training=learned.training,
        )


def _familiarity(learned: Learned) -> Familiarity | None:
    """What the run knows, as its bundle would."""
    if learned.familiar is None:
        return None
    channels = next(one.shape[-1] for one in learned.answerer.inputs if one.name == "features")
    return read_familiarity(learned.familiar.familiar, Run(learned.path).known, channels)


def known_features(
    run: Path, dataset: Dataset, data: Path, *, store: Path | None = None
) -> tuple[Features | None, str]:
    """Features of the photos of `dataset`, from the folder `data`, that need no encoder, and what is to be said.

    Those of `store`; or else of the store that the run was trained on, where the data set is the run's own and the
    store has all that is asked about; or, for a run on the question alone, zeros. None: photos have to be encoded.
    Raises FeatureError where `store` does not fit.
    """
    config = read_config(run)
    if store is not None:
        if not uses_store(config):
            raise FeatureError(f"{run} was not trained on stored features; leave --features out.")
        return _from_store(config, store, dataset), f"features from {store}"
    if config.get("features") == QUESTION_ONLY:
        return _nothing, "the question alone: no photo is looked at"
    if not uses_store(config) or Path(config["data"]).resolve() != data.resolve():
        return None, ""  # another data set may have other photos under the same image ids
    try:
        return _from_store(config, Path(config["features"]), dataset), f"features from {config['features']}"
    except FeatureError as error:
        return None, f"photos are encoded: {error}"


def _from_store(config: Mapping[str, Any], path: Path, dataset: Dataset) -> Features:
    if differs := other_encoder(config, read_about(path)):
        raise FeatureError(
            f"{path} was made by another encoder than the run was trained on (different: {', '.join(differs)}). "
            "Name the store that it was trained on."
        )
    store = FeatureStore(path, dataset.split)
    store.rows(dataset.image_ids)  # so that a photo that is missing is named before anything is answered

    def features(image_ids: Sequence[int]) -> FeatureBatches:
        for start in range(0, len(image_ids), _ROWS):
            some = list(image_ids[start : start + _ROWS])
            yield some, store.read(store.rows(some))

    return features


def _nothing(image_ids: Sequence[int]) -> FeatureBatches:
    yield list(image_ids), np.zeros((len(image_ids), 1), np.float32)
