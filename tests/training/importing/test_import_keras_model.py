"""A Keras model of a person's own becomes a bundle that answers the same, over the wire too, or nothing at all."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.legacy.preprocessing.text import text_to_word_sequence
from keras_2_files import easy_vqa_config, write_hdf5
from numpy.typing import NDArray
from onnx_parity import randomise
from PIL import Image
from served import served

from asksight.client import Verdict, connect
from asksight.engine import load_bundle
from asksight.training.errors import ImportSpecError
from asksight.training.importing.keras_import import import_keras
from asksight.training.importing.spec import Spec, parse_spec, read_spec

ASKS = 150


def by_hand(file: Path, photos: NDArray[Any], bags: NDArray[Any]) -> NDArray[np.float64]:
    """What the network of `keras_2_files` answers by its published structure, from its weights alone, in NumPy."""
    with h5py.File(file) as opened:
        group = opened["model_weights"]
        kernels = {
            name: [np.asarray(group[name][one], np.float64) for one in group[name].attrs["weight_names"]]
            for name in group
            if len(group[name].attrs["weight_names"])
        }
    x: Any = photos.astype(np.float64)
    for name in ("conv2d", "conv2d_1"):
        kernel, bias = kernels[name]
        wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), axis=(1, 2))  # [N,H,W,C,3,3]
        x = np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias
        count, height, width, channels = x.shape
        x = x.reshape(count, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))

    def dense(given: NDArray[Any], name: str) -> NDArray[Any]:
        return given @ kernels[name][0] + kernels[name][1]

    seen = np.tanh(dense(x.reshape(len(x), -1), "dense"))
    asked = np.tanh(dense(np.tanh(dense(bags, "dense_1")), "dense_2"))
    scores = np.exp(dense(np.tanh(dense(seen * asked, "dense_3")), "dense_4"))
    answers: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return answers


def test_a_model_of_keras_2_answers_the_same_over_the_wire(easy: Path, tmp_path: Path) -> None:
    imported = import_keras(easy / "model.h5", read_spec(easy / "spec.toml"), tmp_path / "bundle")
    assert imported.largest_difference < 1e-5
    words, answers = ((easy / name).read_text().split() for name in ("words.txt", "answers.txt"))
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (ASKS, 4, 4, 3), dtype=np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    marks = ("?", ", ", "  ", " unheard ", "-")
    questions = [
        "".join(random.choice([*(f"{word} " for word in words), *marks], random.integers(1, 9))) + "the"
        for _ in range(ASKS)
    ]
    bags = np.zeros((ASKS, len(words) + 1), np.float32)
    for bag, question in zip(bags, questions, strict=True):
        for word in text_to_word_sequence(question):
            if word in words:
                bag[words.index(word) + 1] = 1
    wanted = by_hand(easy / "model.h5", pixels / np.float32(255) - np.float32(0.5), bags)
    with served(tmp_path / "bundle") as address, connect(address) as client:
        for question, photo, row in zip(questions, pixels, wanted, strict=True):
            file = io.BytesIO()
            Image.fromarray(photo).save(file, "PNG")
            reply = client.ask(file.getvalue(), question)
            best = reply.answers[0]
            assert best.label == answers[int(row.argmax())]
            assert best.probability == pytest.approx(row.max(), abs=1e-4)
            assert reply.verdict is not Verdict.ANSWERED  # nobody has measured how often it is right
    assert len(set(wanted.argmax(axis=1))) > 3


def test_a_threshold_of_the_spec_counts_as_measured(easy: Path, tmp_path: Path) -> None:
    (easy / "sure.toml").write_text((easy / "spec.toml").read_text() + "answered_threshold = 0.3\n")
    bundle = import_keras(easy / "model.h5", read_spec(easy / "sure.toml"), tmp_path / "bundle").bundle
    assert bundle.calibration.calibrated
    assert bundle.calibration.answered_threshold == 0.3


def test_what_depends_on_the_photo_alone_is_cached(easy: Path, tmp_path: Path) -> None:
    bundle = import_keras(easy / "model.h5", read_spec(easy / "spec.toml"), tmp_path / "bundle").bundle
    assert bundle.feature_shape == (32,)  # behind the dense layer, not the map before it


def spec(folder: Path, image: dict[str, Any], question: dict[str, Any], **answers: Any) -> Spec:
    (folder / "answers.txt").write_text("yes\nno\nred\n")
    (folder / "words.txt").write_text("what\nis\nred\nthe\n")
    tree = {
        "image": image,
        "question": {"words": "words.txt"} | question,
        "answers": {"file": "answers.txt"} | answers,
    }
    return parse_spec(tree, folder / "spec.toml")


def sequence_model(recurrent: Any, *, mask: bool = False, scores: str | None = "softmax") -> keras.Model:
    """Words by numbers, embedded, read in order; a map of features that both halves share."""
    photo, question = keras.Input((8, 8, 3), name="photo"), keras.Input((5,), dtype="int32", name="asked")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(photo))
    x = layers.GlobalAveragePooling2D()(x)
    y = recurrent(layers.Embedding(5, 6, mask_zero=mask)(question))
    z = layers.Concatenate()([layers.Dense(4, "relu")(x), layers.Dropout(0.5)(y), x])
    model = keras.Model([question, photo], layers.Dense(3, scores)(z))
    randomise(model)
    return model


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_sequences_of_keras_3(kind: Any, padding: str, mask: bool, tmp_path: Path) -> None:
    sequence_model(kind(4), mask=mask).save(tmp_path / "model.keras")
    said = spec(tmp_path, {"values": "tf"}, {"form": "ids", "padding": padding})
    imported = import_keras(tmp_path / "model.keras", said, tmp_path / "bundle")
    assert imported.largest_difference < 1e-5
    assert load_bundle(tmp_path / "bundle").preprocessing["color_order"] == "rgb"


def test_scores_by_themselves_and_raw_ones(tmp_path: Path) -> None:
    for scores, activation in (("sigmoid", "sigmoid"), ("logits", None)):
        sequence_model(layers.Bidirectional(layers.LSTM(3)), scores=activation).save(tmp_path / "model.keras")
        said = spec(tmp_path, {"values": "caffe"}, {"form": "ids"}, scores=scores)
        bundle = import_keras(tmp_path / "model.keras", said, tmp_path / scores).bundle
        assert bundle.calibration.scores == ("sigmoid" if scores == "sigmoid" else "softmax")
        assert bundle.preprocessing["color_order"] == "bgr"
    with pytest.raises(ImportSpecError, match=r"ends in neither softmax nor sigmoid; the spec says nothing"):
        import_keras(tmp_path / "model.keras", spec(tmp_path, {}, {"form": "ids"}), tmp_path / "none")


def test_code_and_pickles_are_refused(tmp_path: Path, easy: Path) -> None:
    said = read_spec(easy / "spec.toml")
    config = easy_vqa_config(side=16, words=15, answers=7)
    config["config"]["layers"][10] |= {"class_name": "Lambda"}
    write_hdf5(tmp_path / "lambda.h5", config, {})
    with pytest.raises(ImportSpecError, match=r"multiply \(Lambda\) holds Python code, which is never run"):
        import_keras(tmp_path / "lambda.h5", said, tmp_path / "bundle")
    x = keras.Input((4,))
    keras.Model(x, layers.Lambda(lambda value: value + 1, name="mine")(x)).save(tmp_path / "lambda.keras")
    with pytest.raises(ImportSpecError, match=r"mine \(Lambda\) holds Python code"):
        import_keras(tmp_path / "lambda.keras", said, tmp_path / "bundle")
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ImportSpecError, match=r"is a pickle, which is a program"):
        import_keras(tmp_path / "model.pkl", said, tmp_path / "bundle")
    config["config"]["layers"][10] |= {"class_name": "MyAttention"}
    write_hdf5(tmp_path / "own.h5", config, {})
    with pytest.raises(ImportSpecError, match=r"multiply \(MyAttention\) is no layer that can be imported"):
        import_keras(tmp_path / "own.h5", said, tmp_path / "bundle")
    (tmp_path / "text.h5").write_text("nothing")
    with pytest.raises(ImportSpecError, match=r"of an unknown kind; a \.keras file"):
        import_keras(tmp_path / "text.h5", said, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_other_inputs_and_answers_are_refused(tmp_path: Path, easy: Path) -> None:
    photo = keras.Input((8, 8, 3), name="photo")
    alone = keras.Model(photo, layers.Dense(3, "softmax")(layers.Flatten()(photo)))
    alone.save(tmp_path / "alone.keras")
    with pytest.raises(
        ImportSpecError, match=r"has 1 inputs \(photo \[N, 8, 8, 3\]\); two are allowed: a photo"
    ):
        import_keras(tmp_path / "alone.keras", spec(tmp_path, {}, {"form": "ids"}), tmp_path / "bundle")
    sequence_model(layers.LSTM(4)).save(tmp_path / "model.keras")
    (tmp_path / "short.txt").write_text("yes\nno\n")
    said = spec(tmp_path, {}, {"form": "ids"}, file="short.txt")
    with pytest.raises(ImportSpecError, match=r"gives \[3\] scores a question; 2 answers are listed"):
        import_keras(tmp_path / "model.keras", said, tmp_path / "bundle")
    with pytest.raises(ImportSpecError, match=r"question\.length is 7; the model takes 5 words"):
        import_keras(
            tmp_path / "model.keras", spec(tmp_path, {}, {"form": "ids", "length": 7}), tmp_path / "bundle"
        )
    with pytest.raises(ImportSpecError, match=r"image\.size is \[9, 9\]; the model takes \[8, 8\]"):
        import_keras(
            tmp_path / "model.keras", spec(tmp_path, {"size": [9, 9]}, {"form": "ids"}), tmp_path / "bundle"
        )
    weights = tmp_path / "weights.h5"
    write_hdf5(weights, None, {"dense": []})
    with pytest.raises(ImportSpecError, match=r"holds weights without their model"):
        import_keras(weights, read_spec(easy / "spec.toml"), tmp_path / "bundle")
    (tmp_path / "model.json").write_text(json.dumps(easy_vqa_config(side=16, words=15, answers=7)))
    with pytest.raises(ImportSpecError, match=r"has weights of the shapes|belong together"):
        import_keras(
            tmp_path / "model.json", read_spec(easy / "spec.toml"), tmp_path / "bundle", weights=weights
        )
