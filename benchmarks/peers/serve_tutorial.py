"""The tutorial's stack: Flask, Keras' predict, spaCy's vectors, one ask at a time.

Flask's documentation (https://flask.palletsprojects.com/en/stable/deploying/) recommends a WSGI server, here waitress.
Keras' (https://keras.io/api/models/model_training_apis/#predict-method) recommends calling the model directly for small
inputs; since that runs it operation by operation, it is a tf.function here. Models and vectors are those of the bundle.
The spaCy pipeline is used by one thread at a time.
"""

from __future__ import annotations

import io
import os
from threading import Lock
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before TensorFlow is imported

import keras
import numpy as np
import spacy
import tensorflow
import waitress
from flask import Flask, jsonify, request
from PIL import Image

import asksight.training.models.layers  # noqa: F401 - Keras finds our layer by it

from .internals import load_bundle
from .work import CALLERS, Answers, Constant, arguments, best


class Tutorial:
    """Two Keras models and spaCy's tokenizer with the bundle's vectors."""

    def __init__(self, given: Any) -> None:
        bundle = load_bundle(given.bundle, verify=False)
        self._encoder = keras.models.load_model(given.keras / "encoder.keras", compile=False)
        self._answerer = tensorflow.function(
            keras.models.load_model(given.keras / "answerer.keras", compile=False), reduce_retracing=True
        )
        self._nlp = spacy.blank("en")
        vectors = np.asarray(bundle.vectors, np.float32)
        self._nlp.vocab.vectors = spacy.vectors.Vectors(
            strings=self._nlp.vocab.strings, data=vectors, keys=list(bundle.words)
        )
        self._bundle = bundle
        self._one_at_a_time = Lock()

    def answer(self, photo: bytes, question: str) -> Answers:
        bundle = self._bundle
        with Image.open(io.BytesIO(photo)) as image:
            size = (bundle.image_width, bundle.image_height)
            picture = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR), np.float32)
        with self._one_at_a_time:
            features = self._encoder.predict(picture[None], verbose=0)  # [1, F]
            words = [token.vector for token in self._nlp(question.lower())][: bundle.max_tokens]
            padded = np.zeros((1, bundle.max_tokens, bundle.vectors.shape[1]), np.float32)
            padded[0, : len(words)] = words
            lengths = np.array([len(words)], np.int32)
            logits = self._answerer([padded, lengths, features]).numpy()
        return best(logits, bundle.answers, bundle.calibration.temperature)[0]


def main() -> None:
    given = arguments()
    tutorial = None if given.work == "constant" else Tutorial(given)
    app = Flask(__name__)

    @app.post("/predict")
    def predict() -> Any:
        photo, question = request.files["photo"].read(), request.form["question"]
        answers = Constant.answers if tutorial is None else tutorial.answer(photo, question)
        return jsonify(answers=answers)

    waitress.serve(app, host="127.0.0.1", port=given.port, threads=CALLERS, connection_limit=256)


if __name__ == "__main__":
    main()
