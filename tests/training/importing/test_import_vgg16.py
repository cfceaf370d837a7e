"""A model of VGG16's features and of word vectors, as the tutorial's is: VGG16 is put in front of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import applications, layers
from onnx_parity import randomise

from asksight.engine import Bundle
from asksight.training.importing import keras_import
from asksight.training.importing.keras_import import import_keras
from asksight.training.importing.spec import parse_spec

WORD, STEPS = 5, 6


def imported(folder: Path, features: int) -> Bundle:
    """A small model behind an encoder of so many features, whose weights are vgg.weights.h5."""
    seen, asked = keras.Input((features,), name="seen"), keras.Input((STEPS, WORD), name="asked")
    both = layers.Concatenate()([layers.LSTM(4)(asked), layers.Dense(6, activation="tanh")(seen)])
    made = keras.Model([seen, asked], layers.Dense(3, activation="softmax")(both))
    randomise(made)
    made.save(folder / "model.keras")
    for name, text in (("words.txt", "what\nis\n"), ("answers.txt", "yes\nno\nred\n")):
        (folder / name).write_text(text)
    np.save(folder / "vectors.npy", np.eye(2, WORD, dtype=np.float32))
    tree = {
        "image": {"encoder": "vgg16", "weights": "vgg.weights.h5"},
        "question": {"form": "sequence", "cut": "spacy", "words": "words.txt", "vectors": "vectors.npy"},
        "answers": {"file": "answers.txt"},
    }
    done = import_keras(folder / "model.keras", parse_spec(tree, folder / "spec.toml"), folder / "bundle")
    assert done.largest_difference < 1e-4
    return done.bundle


def test_the_encoder_vgg16_is_put_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small one in its place, since its own weights are half a gigabyte."""
    photo = keras.Input((224, 224, 3), name="image")
    x = layers.Conv2D(8, 7, strides=7)(layers.Rescaling(1 / 255)(photo))
    small = keras.Model(photo, layers.Identity(name="features")(layers.GlobalAveragePooling2D()(x)))
    randomise(small)
    asked: list[Any] = []

    def build(choice: Any) -> keras.Model:
        asked.append(choice)
        return small

    monkeypatch.setattr(keras_import, "build_encoder", build)
    (tmp_path / "vgg.weights.h5").touch()
    bundle = imported(tmp_path, 8)
    assert (bundle.image_height, bundle.feature_shape) == (224, (8,))
    assert asked[0].weights == str(tmp_path / "vgg.weights.h5")


@pytest.mark.slow
def test_vgg16_itself(tmp_path: Path) -> None:
    """Its own shape with random weights: 138 million, 1.5 GB on the disk in all, 4 GB of memory."""
    applications.VGG16(weights=None).save_weights(tmp_path / "vgg.weights.h5")
    bundle = imported(tmp_path, 4096)
    assert (bundle.image_height, bundle.feature_shape) == (224, (4096,))
    assert bundle.encoder_path.stat().st_size > 500e6
