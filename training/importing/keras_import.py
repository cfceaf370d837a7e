"""`asksight import keras`: a Keras model of a photo and a question, as a bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import ImportSpecError
from ..exporting.keras_onnx import save_onnx, to_onnx
from ..features.encoders import EncoderChoice, build_encoder
from .asked_words import AskedWords, asked_words
from .input_choice import ModelInput, choose_inputs, question_size
from .keras_read import read_model
from .spec import ImageSpec, Spec
from .two_inputs import Given, Imported, photo_layout, write_imported

Say = Callable[[str], None]


def import_keras(
    path: Path,
    spec: Spec,
    out: Path,
    *,
    weights: Path | None = None,
    name: str | None = None,
    say: Say = lambda _: None,
) -> Imported:
    """Write a bundle of a model file. Raises ImportSpecError, ExportError and BundleError; then `out` is as it was."""
    say("Reading the model")
    model = read_model(path, weights)
    if len(model.outputs) != 1:
        raise ImportSpecError(
            f"The model has {len(model.outputs)} outputs; one is allowed: the scores of the answers."
        )
    seen = [ModelInput(one.name, tuple(one.shape[1:]), str(one.dtype)) for one in model.inputs]
    with tempfile.TemporaryDirectory(prefix="asksight-encoder-") as folder:
        encoder, graph = _encoder(spec.image, Path(folder))
        features = None if encoder is None else tuple(encoder.output_shape[1:])
        photo, question = choose_inputs(seen, spec, features=features)
        seen_by = next(
            one for one in (encoder or model).inputs if encoder is not None or one.name == photo.name
        )
        size, dimension = question_size(question, spec.question)
        asked = asked_words(spec.question, size=size, dimension=dimension)
        say("Writing its graph")
        masks = _masks(model)
        given = Given(
            graph=to_onnx(model, output_names=["answers"], zeros_at_the_end=masks),
            photo=photo.name,
            photo_shape=tuple(size or 0 for size in photo.shape),
            question=question.name,
            question_dtype=question.dtype,
            output="answers",
            at_the_end=masks,
            answers=_answers(model, photo.name, encoder, asked),
            layout=photo_layout(seen_by.shape[1:], spec.image, seen_by.name),
            encoder=graph,
            encoder_input="" if encoder is None else encoder.inputs[0].name,
            source={"source": "keras", "file": path.name},
        )
        say("Comparing it with Keras")
        return write_imported(given, spec, asked, out, name=name or spec.name or path.stem)


def _encoder(spec: ImageSpec, folder: Path) -> tuple[Any, onnx.ModelProto | Path | None]:
    """The Keras encoder that the spec names, and its graph; None where it names none."""
    if spec.encoder is None:
        return None, None
    if spec.encoder == "vgg16":
        encoder = build_encoder(EncoderChoice(name="vgg16", weights=str(spec.weights)))
        path = folder / "vgg16.onnx"
        save_onnx(encoder, path, output_names=["features"], uint8_inputs=["image"])
        return encoder, path
    encoder = read_model(Path(spec.encoder))
    if len(encoder.inputs) != 1 or len(encoder.outputs) != 1 or len(encoder.inputs[0].shape) != 4:
        raise ImportSpecError(f"{spec.encoder} must take one photo [N,H,W,3] and give its features.")
    return encoder, to_onnx(encoder, output_names=["encoded"])


def _masks(model: Any) -> bool:
    """Whether an Embedding masks the number 0."""
    waiting = list(model.layers)
    while waiting:
        layer = waiting.pop()
        waiting += getattr(layer, "layers", [])
        if isinstance(layer, keras.layers.Embedding) and layer.mask_zero:
            return True
    return False


def _answers(
    model: Any, photo: str, encoder: Any, asked: AskedWords
) -> Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]:
    def answers(photos: NDArray[Any], questions: NDArray[Any]) -> NDArray[Any]:
        seen = photos if encoder is None else np.asarray(encoder(photos, training=False))
        inputs = [seen if one.name == photo else questions for one in model.inputs]
        return np.asarray(model([keras.ops.convert_to_tensor(one) for one in inputs], training=False))

    return answers
