"""The graph of FloydHub's VQA tutorial as Keras 1 described it, with weights as Keras 1 kept them: against NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from onnx_parity import randomise

from asksight.engine import load_bundle
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext import WordTable
from asksight.training.errors import ImportSpecError
from asksight.training.importing.keras_import import import_keras
from asksight.training.importing.keras_read import read_model
from asksight.training.importing.spec import parse_spec

STEPS, WORD, UNITS, FEATURES, ANSWERS = 6, 5, 4, 8, 3
GATES = ("i", "c", "f", "o")  # in the order in which Keras 1 kept them


def keras_1_lstm(name: str, *, sequences: bool, first: bool) -> dict[str, Any]:
    config = {
        "name": name,
        "output_dim": UNITS,
        "inner_activation": "hard_sigmoid",
        "activation": "tanh",
        "return_sequences": sequences,
        "go_backwards": False,
        "stateful": False,
        "unroll": False,
        "consume_less": "cpu",
        "trainable": True,
        "init": "glorot_uniform",
        "inner_init": "orthogonal",
        "forget_bias_init": "one",
        "dropout_W": 0.0,
        "dropout_U": 0.0,
        "W_regularizer": None,
        "U_regularizer": None,
        "b_regularizer": None,
        "input_dim": WORD if first else UNITS,
        "input_length": None,
    }
    more = {"batch_input_shape": [None, STEPS, WORD], "input_dtype": "float32"} if first else {}
    return {"class_name": "LSTM", "config": config | more}


def keras_1_dense(name: str, units: int) -> dict[str, Any]:
    config = {
        "name": name,
        "output_dim": units,
        "activation": "linear",
        "bias": True,
        "init": "uniform",
        "trainable": True,
        "input_dim": None,
        "W_constraint": None,
        "b_constraint": None,
        "W_regularizer": None,
        "b_regularizer": None,
        "activity_regularizer": None,
    }
    return {"class_name": "Dense", "config": config}


def tutorial_config() -> dict[str, Any]:
    """Two branches merged, as the tutorial's model_definition has them; smaller."""
    language = [
        keras_1_lstm("lstm_4", sequences=True, first=True),
        keras_1_lstm("lstm_5", sequences=True, first=False),
        keras_1_lstm("lstm_6", sequences=False, first=False),
    ]
    reshape = {"name": "reshape_2", "target_shape": [FEATURES], "batch_input_shape": [None, FEATURES]}
    image = [{"class_name": "Reshape", "config": reshape | {"trainable": True, "input_dtype": "float32"}}]
    merge = {
        "name": "merge_2",
        "mode": "concat",
        "mode_type": "raw",
        "concat_axis": 1,
        "dot_axes": [-1, -1],
        "output_shape": None,
        "output_shape_type": "raw",
        "layers": [{"class_name": "Sequential", "config": branch} for branch in (language, image)],
    }
    return {
        "class_name": "Sequential",
        "config": [
            {"class_name": "Merge", "config": merge},
            keras_1_dense("dense_5", 7),
            {
                "class_name": "Activation",
                "config": {"name": "activation_5", "activation": "tanh", "trainable": True},
            },
            {"class_name": "Dropout", "config": {"name": "dropout_4", "p": 0.5, "trainable": True}},
            keras_1_dense("dense_8", ANSWERS),
            {"class_name": "Activation", "config": {"name": "activation_8", "activation": "softmax"}},
        ],
    }


def write_weights(path: Path, *, numbered: bool) -> dict[str, list[NDArray[np.float32]]]:
    """Random ones as Keras 1 kept them: 12 arrays an LSTM; `numbered` as Keras 0.3 did, by the layer's number."""
    random = np.random.default_rng(0)
    sizes: dict[str, list[tuple[int, ...]]] = {
        name: [size for _ in GATES for size in ((given, UNITS), (UNITS, UNITS), (UNITS,))]
        for name, given in (("lstm_4", WORD), ("lstm_5", UNITS), ("lstm_6", UNITS))
    }
    sizes |= {
        "reshape_2": [],
        "dense_5": [(UNITS + FEATURES, 7), (7,)],
        "dense_8": [(7, ANSWERS), (ANSWERS,)],
    }
    weights = {
        name: [random.normal(0, 0.8, size).astype(np.float32) for size in own] for name, own in sizes.items()
    }
    with h5py.File(path, "w") as file:
        if numbered:
            merged = [array for one in ("lstm_4", "lstm_5", "lstm_6") for array in weights[one]]
            groups = [merged, weights["dense_5"], weights["dense_8"]]
            file.attrs["nb_layers"] = len(groups)
            for place, arrays in enumerate(groups):
                group = file.create_group(f"layer_{place}")
                group.attrs["nb_params"] = len(arrays)
                for number, array in enumerate(arrays):
                    group.create_dataset(f"param_{number}", data=array)
            return weights
        file.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = file.create_group(name)
            names = (
                [f"{name}_{part}_{gate}" for gate in GATES for part in "WUb"]
                if "lstm" in name
                else [f"{name}_W", f"{name}_b"]
            )
            group.attrs["weight_names"] = [one.encode() for one in names[: len(arrays)]]
            for one, array in zip(names, arrays, strict=False):
                group.create_dataset(one, data=array)
    return weights


def by_hand(
    weights: dict[str, list[NDArray[np.float32]]], words: NDArray[Any], features: NDArray[Any]
) -> NDArray[Any]:
    """The tutorial's model in NumPy, gates as in Keras 1: hard_sigmoid is clip(0.2 x + 0.5, 0, 1)."""
    x = words.astype(np.float64)
    for name in ("lstm_4", "lstm_5", "lstm_6"):
        own = {gate: weights[name][3 * place : 3 * place + 3] for place, gate in enumerate(GATES)}
        hidden = memory = np.zeros((len(x), UNITS))
        steps = []
        for step in range(x.shape[1]):
            drive = {gate: x[:, step] @ w + hidden @ u + b for gate, (w, u, b) in own.items()}
            opened = {gate: np.clip(0.2 * drive[gate] + 0.5, 0, 1) for gate in "ifo"}
            memory = opened["f"] * memory + opened["i"] * np.tanh(drive["c"])
            hidden = opened["o"] * np.tanh(memory)
            steps.append(hidden)
        x = np.stack(steps, axis=1)
    joined = np.concatenate([x[:, -1], features], axis=1)
    logits = (
        np.tanh(joined @ weights["dense_5"][0] + weights["dense_5"][1]) @ weights["dense_8"][0]
        + weights["dense_8"][1]
    )
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    answers: NDArray[Any] = shares / shares.sum(axis=1, keepdims=True)
    return answers


@pytest.mark.parametrize("numbered", [False, True])
def test_the_tutorial_s_model_is_read_as_keras_1_meant_it(numbered: bool, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "weights.hdf5", numbered=numbered)
    (tmp_path / "model.json").write_text(json.dumps(tutorial_config()))
    model = read_model(tmp_path / "model.json", tmp_path / "weights.hdf5")
    random = np.random.default_rng(1)
    words = random.normal(0, 2, (20, STEPS, WORD)).astype(np.float32)
    features = random.normal(size=(20, FEATURES)).astype(np.float32)
    got = np.asarray(model([words, features], training=False))
    np.testing.assert_allclose(got, by_hand(weights, words, features), atol=1e-5)


def test_the_tutorial_s_model_becomes_a_bundle_with_an_encoder(tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "weights.hdf5", numbered=False)
    (tmp_path / "model.json").write_text(json.dumps(tutorial_config()))
    photo = keras.Input((12, 12, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3, strides=5, activation="relu")(photo))
    encoder = keras.Model(photo, layers.Dense(FEATURES)(x))
    randomise(encoder)
    encoder.save(tmp_path / "encoder.keras")
    vocabulary = ("what", "is", "it", "red", "?")
    vectors = np.random.default_rng(2).normal(size=(len(vocabulary), WORD)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    (tmp_path / "words.txt").write_text("\n".join(vocabulary) + "\n")
    (tmp_path / "answers.txt").write_text("yes\nno\nred\n")
    tree = {
        "image": {"encoder": "encoder.keras", "values": "caffe"},
        "question": {
            "form": "sequence",
            "cut": "spacy",
            "words": "words.txt",
            "vectors": "vectors.npy",
            "padding": "post",
        },
        "answers": {"file": "answers.txt"},
    }
    said = parse_spec(tree, tmp_path / "spec.toml")
    imported = import_keras(
        tmp_path / "model.json", said, tmp_path / "bundle", weights=tmp_path / "weights.hdf5"
    )
    bundle = load_bundle(tmp_path / "bundle")
    assert imported.largest_difference < 1e-5
    assert bundle.feature_shape == (FEATURES,)
    questions = ["What is it?", "is what unheard it", "red"]
    given, lengths = WordTable(**bundle.word_table).vectors(questions)
    features = np.random.default_rng(3).normal(size=(3, FEATURES)).astype(np.float32)
    engine = OnnxRuntimeEngine(bundle.answerer_path, max_batch=3)
    asks = {"question": given, "lengths": lengths, "features": features}
    got = bundle.calibration.probabilities(engine.infer(asks)["logits"])
    engine.close()
    steps = np.zeros((3, STEPS, WORD), np.float32)
    for row, words in enumerate((("what", "is", "it", "?"), ("is", "what", None, "it"), ("red",))):
        for step, word in enumerate(words):
            if word is not None:
                steps[row, step] = vectors[vocabulary.index(word)]
    np.testing.assert_allclose(got, by_hand(weights, steps, features), atol=1e-5)


def test_without_its_encoder_the_features_are_asked_for(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.hdf5", numbered=False)
    (tmp_path / "model.json").write_text(json.dumps(tutorial_config()))
    for name, text in (("words.txt", "what\n"), ("answers.txt", "yes\nno\nred\n")):
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "vectors.npy", np.ones((1, WORD), np.float32))
    question = {"form": "sequence", "words": "words.txt", "vectors": "vectors.npy"}
    said = parse_spec({"question": question, "answers": {"file": "answers.txt"}}, tmp_path / "spec.toml")
    with pytest.raises(ImportSpecError, match=r"name the encoder of its features by image\.encoder"):
        import_keras(tmp_path / "model.json", said, tmp_path / "bundle", weights=tmp_path / "weights.hdf5")
    with pytest.raises(
        ImportSpecError, match=r"a model without its weights: give their HDF5 file by --weights"
    ):
        import_keras(tmp_path / "model.json", said, tmp_path / "bundle")
