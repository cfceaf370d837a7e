"""Writes a trained run as a bundle, after a check that Keras and ONNX Runtime give the same answers."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle, write_bundle
from asksight.engine.bundle.calibration import softmax
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext import Rules, dump_rules, english

from ..errors import ExportError
from ..features.lineage import inherited
from ..learning.learned import check_there, load_keras, read_config, read_learned
from ..learning.runs import Run
from .export_encoder import BATCH, PREPROCESSING, stored_encoder, trained_encoder, uses_store
from .keras_onnx import save_onnx

LARGEST_DIFFERENCE = 1e-4  # the most that a probability may differ between Keras and ONNX
SAMPLES = 32  # photos to compare on, each with one question


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The bundle, and the largest difference of any probability between Keras and ONNX."""

    bundle: Bundle
    largest_difference: float


def export_run(
    path: Path,
    out: Path,
    *,
    name: str | None = None,
    version: str = "1",
    seed: int = 0,
    store: Path | None = None,
    rules: Rules | None = None,
) -> Exported:
    """Write the run folder `path` as a bundle in the folder `out`; `name` is the run folder's own by default.

    A run on stored features gets the encoder of its feature store. Give `store` where that store was moved or has
    no encoder. Before anything is written, Keras and ONNX Runtime answer the same photos and random questions: the
    best answers must be the same, and no probability may differ by 1e-4 or more. `rules` are the tokenizer's in
    serving; by default spaCy's for English, which training uses too.

    Raises ExportError where a file is missing, a layer cannot be converted, or the answers differ, and BundleError;
    in all these cases `out` is left unchanged.
    """
    run = Run(path)
    _check_encoder(run)
    learned = read_learned(path)
    config, calibration = learned.config, learned.calibration
    with tempfile.TemporaryDirectory(prefix="asksight-export-") as folder:
        answerer_graph = Path(folder) / "answerer.onnx"
        save_answerer(learned.answerer, answerer_graph)
        questions, lengths = sample_questions(learned.vectors, limit=config["max_tokens"], seed=seed)
        if uses_store(config):
            encoder = stored_encoder(config, store, samples=SAMPLES)
        else:
            if store is not None:
                raise ExportError(
                    f"{path} was not trained on stored features and has an encoder of its own; leave --features out."
                )
            model = load_keras(run.encoder)
            preprocessing = config.get("preprocessing", PREPROCESSING)
            encoder = trained_encoder(model, Path(folder), sample_photos(model, seed=seed), preprocessing)
        keras = keras_logits(learned.answerer, encoder.features, questions, lengths)
        onnx = onnx_logits(encoder.graph, answerer_graph, encoder.photos, questions, lengths)
        source, card = inherited(config.get("encoder", {}), config, learned.history)
        difference = compare(keras / calibration.temperature, onnx / calibration.temperature)
        bundle = write_bundle(
            out,
            encoder=encoder.graph,
            answerer=answerer_graph,
            vectors=learned.vectors,
            words=learned.words,
            answers=learned.answers,
            name=name or path.resolve().name,
            version=version,
            architecture=config["arch"],
            preprocessing=encoder.preprocessing,
            unknown_rows=learned.unknown_rows,
            max_tokens=config["max_tokens"],
            tokenizer=dump_rules(rules or english()),
            unanswerable=learned.unanswerable,
            calibration=calibration,
            training=learned.training,
            familiar=None if learned.familiar is None else learned.familiar.familiar,
            known=b"" if learned.familiar is None else learned.familiar.arrays,
            source=source,
            card=card,
        )
    return Exported(bundle=bundle, largest_difference=difference)


def save_answerer(answerer: Any, path: Path) -> None:
    """Write the Keras answerer in ONNX, with `attention` beside `logits` where it has that."""
    from ..models.attention import with_looks  # imports Keras

    told, outputs = with_looks(answerer)
    save_onnx(told, path, output_names=outputs)


def sample_photos(encoder: Any, *, seed: int) -> NDArray[np.uint8]:
    """Random photos [S,H,W,3]: noise, and for every other one large blocks of a single colour."""
    random = np.random.default_rng(seed)
    _, height, width, _ = encoder.input_shape
    photos = random.integers(0, 256, (SAMPLES, height, width, 3), dtype=np.uint8)
    blocks = random.integers(0, 256, (SAMPLES // 2, 4, 4, 3), dtype=np.uint8)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    photos[::2] = blocks[:, rows][:, :, columns]
    return photos


def sample_questions(
    vectors: NDArray[Any], *, limit: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Random questions [S,T,D] of every length from 1 to `limit`, and their lengths [S]."""
    random = np.random.default_rng([seed, 1])
    lengths = (np.arange(SAMPLES) % limit + 1).astype(np.int32)
    steps = np.arange(lengths.max())
    questions = vectors[random.integers(0, len(vectors), (SAMPLES, len(steps)))].astype(np.float32)
    questions[steps >= lengths[:, None]] = 0
    return questions, lengths


def keras_logits(
    answerer: Any,
    features: NDArray[np.float32],
    questions: NDArray[np.float32],
    lengths: NDArray[np.int32],
) -> NDArray[Any]:
    """The logits [S,A] of the Keras answerer for the Keras encoder's features."""
    inputs = {"question": questions, "lengths": lengths, "features": features}
    return np.asarray(answerer([inputs[tensor.name] for tensor in answerer.inputs], training=False))


def onnx_logits(
    encoder: Path,
    answerer: Path,
    photos: NDArray[Any],
    questions: NDArray[np.float32],
    lengths: NDArray[np.int32],
) -> NDArray[Any]:
    """The logits [S,A] of both ONNX graphs. To save memory, only one of them is open at a time."""
    with closing(OnnxRuntimeEngine(encoder, max_batch=BATCH)) as engine:
        parts = [photos[start : start + BATCH] for start in range(0, len(photos), BATCH)]
        features = np.concatenate([engine.infer({"image": part})["features"] for part in parts])
    return answerer_logits(answerer, features, questions, lengths)


def answerer_logits(
    answerer: Path, features: NDArray[Any], questions: NDArray[np.float32], lengths: NDArray[np.int32]
) -> NDArray[Any]:
    """The logits [S,A] of the ONNX answerer for these features."""
    with closing(OnnxRuntimeEngine(answerer, max_batch=SAMPLES)) as engine:
        return engine.infer({"question": questions, "lengths": lengths, "features": features})["logits"]


def compare(wanted: NDArray[Any], got: NDArray[Any]) -> float:
    """The largest difference of a probability between two arrays of logits [S,A].

    Raises ExportError where it is 1e-4 or more, or where `got` has another best answer. Answers whose probabilities in
    `wanted` are closer than 1e-4 count as equal.
    """
    first, second = softmax(wanted), softmax(got)
    largest = float(np.abs(first - second).max())
    lost = first.max(axis=1) - first[np.arange(len(first)), second.argmax(axis=1)]
    changed = int((lost >= LARGEST_DIFFERENCE).sum())
    if not largest < LARGEST_DIFFERENCE or changed:  # `not <`, so that NaN is refused too
        raise ExportError(
            f"The exported model does not answer as Keras does: {changed} of {len(first)} best answers differ, and "
            f"probabilities by up to {largest:.2g}; {LARGEST_DIFFERENCE:.0e} is allowed. A layer is converted "
            "wrongly: export with a simpler model to find it, and report it."
        )
    return largest


def _check_encoder(run: Run) -> None:
    """Raises ExportError where a run from photos is not finished or its encoder is missing."""
    stored = run.config.exists() and run.config.stat().st_size and uses_store(read_config(run.path))
    if not stored:
        check_there(run, [run.config, run.encoder])
