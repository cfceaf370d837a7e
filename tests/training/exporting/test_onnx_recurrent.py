"""Recurrent layers, with lengths and without: padding never changes what is asked of a real step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops
from onnx_parity import assert_same, kinds, randomise, run_keras, run_onnx

from asksight.training.errors import ExportError
from asksight.training.exporting.keras_onnx import to_onnx
from asksight.training.models.layers import LengthMask

WORDS = 5
LENGTHS = (0, 1, 3, 6, 4)  # none, one, some, all
RANDOM = np.random.default_rng(2)

RECURRENT: dict[str, Callable[..., Any]] = {
    "lstm": lambda **o: layers.LSTM(4, **o),
    "lstm relu": lambda **o: layers.LSTM(4, activation="relu", recurrent_activation="tanh", **o),
    "gru": lambda **o: layers.GRU(4, **o),
    "gru reset before": lambda **o: layers.GRU(4, reset_after=False, **o),
    "gru without bias": lambda **o: layers.GRU(4, use_bias=False, **o),
    "simple": lambda **o: layers.SimpleRNN(4, **o),
    "lstm backwards": lambda **o: layers.LSTM(4, go_backwards=True, **o),
    "gru backwards": lambda **o: layers.GRU(4, go_backwards=True, **o),
    "bidirectional lstm": lambda **o: layers.Bidirectional(layers.LSTM(4, **o)),
    "bidirectional gru sum": lambda **o: layers.Bidirectional(layers.GRU(4, **o), merge_mode="sum"),
    "bidirectional gru mean": lambda **o: layers.Bidirectional(layers.GRU(4, **o), merge_mode="ave"),
    "bidirectional gru product": lambda **o: layers.Bidirectional(layers.GRU(4, **o), merge_mode="mul"),
    "bidirectional apart": lambda **o: layers.Bidirectional(layers.GRU(4, **o), merge_mode=None),
}


def asked() -> tuple[Any, Any]:
    return keras.Input((None, WORDS), name="question"), keras.Input((), dtype="int32", name="lengths")


def feeds(lengths: tuple[int, ...] = LENGTHS, steps: int = 6) -> dict[str, Any]:
    """What stands at the padded steps is noise, so that it shows if anything reads it."""
    question = RANDOM.normal(size=(len(lengths), steps, WORDS)).astype(np.float32)
    return {"question": question, "lengths": np.array(lengths, np.int32)}


@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_recurrent_layer(make: Callable[..., Any], sequences: bool, masked: bool) -> None:
    question, lengths = asked()
    mask = LengthMask()(lengths, question) if masked else None
    y = make(return_sequences=sequences)(question, mask=mask)
    inputs = [question, lengths] if masked else [question]
    model = keras.Model(inputs, y)
    randomise(model)
    given = feeds()
    assert_same(model, {tensor.name: given[tensor.name] for tensor in inputs})


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_states_in_and_out(kind: Callable[..., Any]) -> None:
    question, lengths = asked()
    mask = LengthMask()(lengths, question)
    _, *states = kind(4, return_state=True)(question, mask=mask)
    y, *ends = kind(4, return_state=True, return_sequences=True)(question, initial_state=states)
    model = keras.Model([question, lengths], [y, *ends])
    randomise(model)
    assert_same(model, feeds())


def test_zeros_at_padded_steps() -> None:
    question, lengths = asked()
    mask = LengthMask()(lengths, question)
    make = partial(layers.LSTM, 4, zero_output_for_mask=True, name="reader")
    model = keras.Model([question, lengths], make(return_sequences=True)(question, mask=mask))
    randomise(model)
    assert_same(model, feeds())
    with pytest.raises(ExportError, match=r"reader \(LSTM\).*zero_output_for_mask"):
        to_onnx(keras.Model([question, lengths], make()(question, mask=mask)))


def test_three_stacked_lstms_are_three_nodes_without_the_mask() -> None:
    """The tutorial's question model: each layer takes the lengths; nothing but the last output is transposed."""
    question, lengths = asked()
    mask = LengthMask()(lengths, question)
    x = question
    for last in (False, False, True):
        x = layers.Dropout(0.2)(layers.LSTM(512, return_sequences=not last)(x, mask=mask))
    model = keras.Model([question, lengths], layers.Dense(7, name="logits")(x))
    randomise(model)
    proto = assert_same(model, feeds())
    assert kinds(proto) == ["Transpose", "LSTM", "Squeeze", "LSTM", "Squeeze", "LSTM", "Squeeze", "Gemm"]
    assert all(node.input[4] == "lengths" for node in proto.graph.node if node.op_type == "LSTM")


def test_a_mask_travels_to_the_next_layers_as_in_keras() -> None:
    """Only the first layer is given the mask; Keras hands it on through Dropout and Dense, and so does ONNX."""
    question, lengths = asked()
    x = layers.GRU(4, return_sequences=True)(question, mask=LengthMask()(lengths, question))
    x = layers.Dense(4)(layers.Dropout(0.1)(x))
    ends = [layers.GRU(3)(x), layers.GlobalAveragePooling1D()(x)]
    model = keras.Model([question, lengths], ends)
    randomise(model)
    assert_same(model, feeds((1, 2, 6)))


def test_merged_sequences_keep_a_mask_that_they_share() -> None:
    question, lengths = asked()
    mask = LengthMask()(lengths, question)
    left, right = (layers.GRU(4, return_sequences=True)(question, mask=mask) for _ in range(2))
    model = keras.Model([question, lengths], layers.GRU(3)(layers.Add()([left, right])))
    randomise(model)
    assert_same(model, feeds((1, 2, 6)))
    mixed = layers.Add()([left, layers.Dense(4)(question)])
    with pytest.raises(ExportError, match="LengthMask"):
        to_onnx(keras.Model([question, lengths], layers.GRU(3)(mixed)))


def test_the_mask_in_other_uses() -> None:
    question, lengths = asked()
    mask = LengthMask()(lengths, question)
    scores = layers.Dense(1)(question)[:, :, 0]
    weights = layers.Softmax()(scores, mask=mask)
    summed = ops.sum(question * ops.cast(mask, "float32")[:, :, None], axis=1)
    model = keras.Model([question, lengths], [weights, summed, mask, ops.logical_not(mask)])
    randomise(model)
    assert_same(model, feeds())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=4), st.integers(0, 5))
def test_padding_changes_nothing(lengths: list[int], more: int) -> None:
    """The same questions beside longer ones, and with rubbish behind their ends."""
    proto, model = _stack()
    steps = max(*lengths, 1)
    short = feeds(tuple(lengths), steps)
    noise = RANDOM.normal(size=(len(lengths), more, WORDS)).astype(np.float32) * 100
    long = short | {"question": np.concatenate([short["question"], noise], axis=1)}
    wanted = run_keras(model, short)[0]
    np.testing.assert_allclose(run_onnx(proto, short)[0], wanted, atol=1e-5)
    np.testing.assert_allclose(run_onnx(proto, long)[0], wanted, atol=1e-5)


_STACK: list[Any] = []


def _stack() -> list[Any]:
    if not _STACK:
        question, lengths = asked()
        mask = LengthMask()(lengths, question)
        x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(question, mask=mask)
        model = keras.Model([question, lengths], layers.GRU(3)(x, mask=mask))
        randomise(model)
        _STACK.extend([to_onnx(model), model])
    return _STACK


def test_length_mask_survives_saving(tmp_path: Any) -> None:
    question, lengths = asked()
    y = layers.GRU(4)(question, mask=LengthMask()(lengths, question))
    model = keras.Model([question, lengths], y)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = feeds()
    np.testing.assert_array_equal(run_keras(loaded, given)[0], run_keras(model, given)[0])
    assert_same(loaded, given)


def test_other_masks_are_refused() -> None:
    question = keras.Input((None, WORDS), name="question")
    mask = question[:, :, 0] > 0
    model = keras.Model(question, layers.GRU(4, name="reader")(question, mask=mask))
    with pytest.raises(ExportError, match=r"reader \(GRU\).*LengthMask"):
        to_onnx(model)


def test_masks_that_embedding_makes_are_refused() -> None:
    rows = keras.Input((None,), dtype="int32", name="rows")
    model = keras.Model(rows, layers.GRU(4)(layers.Embedding(9, 5, mask_zero=True, name="words")(rows)))
    with pytest.raises(ExportError, match=r"words \(Embedding\).*mask_zero"):
        to_onnx(model)
