"""The tutorial's two models: their sizes, and that padding and export change nothing."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
from onnx_parity import assert_same, kinds, randomise, run_keras, run_onnx

from asksight.engine.bundle.calibration import softmax
from asksight.training.models import lstm, mlp

MODELS: list[tuple[ModuleType, Any, dict[str, int]]] = [
    (mlp, mlp.MlpConfig, {"units": 24}),
    (lstm, lstm.LstmConfig, {"units": 24, "lstm_units": 16}),
]
IDS = ["mlp", "lstm"]


def small(module: ModuleType, config: Any, sizes: dict[str, int]) -> keras.Model:
    model = module.answerer(config(word_dimension=12, **sizes), feature_shape=(20,), answers=9)
    randomise(model)
    for variable in model.weights:
        if "lstm" in variable.path and "bias" not in variable.path:
            variable.assign(3 * variable)  # so that three layers do not level out what was asked
    return model


def feeds(*, steps: int = 7, lengths: tuple[int, ...] = (7, 3, 1, 5), filler: float = 0.0) -> dict[str, Any]:
    random = np.random.default_rng(4)
    questions = random.normal(size=(len(lengths), 7, 12)).astype(np.float32)
    padded = np.full((len(lengths), max(steps, 7), 12), filler, np.float32)
    padded[:, :7] = questions
    padded[np.arange(padded.shape[1]) >= np.array(lengths)[:, None]] = filler
    features = random.normal(size=(len(lengths), 20)).astype(np.float32)
    return {"question": padded, "lengths": np.array(lengths, np.int32), "features": features}


@pytest.mark.parametrize(("module", "config", "sizes"), MODELS, ids=IDS)
def test_padding_changes_nothing(module: ModuleType, config: Any, sizes: dict[str, int]) -> None:
    """Neither how much there is of it nor what stands in it, batched or alone."""
    model = small(module, config, sizes)
    wanted = run_keras(model, feeds())[0]
    assert wanted.shape == (4, 9)
    assert np.ptp(wanted, axis=0).max() > 0.1  # questions differ
    np.testing.assert_allclose(run_keras(model, feeds(steps=30))[0], wanted, atol=1e-6)
    np.testing.assert_allclose(run_keras(model, feeds(steps=9, filler=5.0))[0], wanted, atol=1e-6)
    alone = {name: array[1:2] for name, array in feeds().items()}
    alone["question"] = alone["question"][:, :3]
    np.testing.assert_allclose(run_keras(model, alone)[0], wanted[1:2], atol=1e-6)


@pytest.mark.parametrize(("module", "config", "sizes"), MODELS, ids=IDS)
def test_onnx_answers_as_keras_does(module: ModuleType, config: Any, sizes: dict[str, int]) -> None:
    model = small(module, config, sizes)
    proto = assert_same(model, feeds(), output_names=["logits"])
    wanted = run_keras(model, feeds())[0]
    for given in (feeds(), feeds(steps=30), feeds(steps=12, filler=3.0)):
        exported = run_onnx(proto, given)[0]
        assert np.abs(softmax(exported) - softmax(wanted)).max() < 1e-5
        assert (exported.argmax(axis=1) == wanted.argmax(axis=1)).all()
    shapes = {
        i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in proto.graph.input
    }
    assert shapes == {"question": ["N", "T", 12], "lengths": ["N"], "features": ["N", 20]}
    assert kinds(proto).count("LSTM") == (3 if module is lstm else 0)


def test_words_of_the_mlp_are_summed() -> None:
    """In another order they say the same; said twice, they do not."""
    model = small(*MODELS[0])
    given = feeds(lengths=(7, 7))
    turned = given | {"question": given["question"][:, ::-1]}
    np.testing.assert_allclose(run_keras(model, turned)[0], run_keras(model, given)[0], atol=1e-6)
    twice = given | {
        "question": np.repeat(given["question"], 2, axis=1),
        "lengths": given["lengths"] * 2,
    }
    assert np.abs(run_keras(model, twice)[0] - run_keras(model, given)[0]).max() > 0.01


def test_the_lstm_reads_in_order() -> None:
    model = small(*MODELS[1])
    given = feeds(lengths=(7, 7))
    turned = given | {"question": given["question"][:, ::-1]}
    assert np.abs(run_keras(model, turned)[0] - run_keras(model, given)[0]).max() > 1e-3


def test_the_sizes_are_the_tutorials() -> None:
    """By hand: 4 x 512 x (in + 512 + 1) an LSTM, (in + 1) x out a dense layer."""
    dense = 1025 * 1024 * 2 + 1025 * 1000
    first, second = (
        module.answerer(config(), feature_shape=(4096,), answers=1000) for module, config, _ in MODELS
    )
    assert first.count_params() == (300 + 4096 + 1) * 1024 + dense == 7_626_728
    stacked = 4 * 512 * (300 + 513) + 2 * 4 * 512 * (512 + 513)
    assert second.count_params() == stacked + (512 + 4096 + 1) * 1024 + dense == 13_707_240
    dropouts = [layer.rate for layer in first.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropouts == [0.5] * 3
    kernel = np.asarray(first.get_layer("logits").kernel)
    assert 0.049 < kernel.max() <= 0.05  # Keras' "uniform"
