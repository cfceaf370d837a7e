"""keras.ops functions in a functional graph give in ONNX what they give in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from onnx_parity import assert_same, kinds, randomise

RANDOM = np.random.default_rng(3)
MAP = (6, 5, 4)

UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": ops.abs,
    "ceil": ops.ceil,
    "cos": ops.cos,
    "exp": ops.exp,
    "floor": ops.floor,
    "log": lambda x: ops.log(ops.abs(x) + 1.0),
    "negative": lambda x: -x,
    "reciprocal": lambda x: ops.reciprocal(ops.abs(x) + 1),
    "rsqrt": lambda x: ops.rsqrt(ops.square(x) + 1.0),
    "sign": ops.sign,
    "sin": ops.sin,
    "sqrt": lambda x: ops.sqrt(ops.abs(x)),
    "tanh": ops.tanh,
    "erf": ops.erf,
    "clip": lambda x: ops.clip(x, -0.5, 0.25),
    "relu": ops.relu,
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "silu": ops.silu,
    "selu": ops.selu,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "hard sigmoid": ops.hard_sigmoid,
    "hard silu": ops.hard_silu,
    "elu": lambda x: ops.elu(x, 0.5),
    "leaky relu": lambda x: ops.leaky_relu(x, 0.1),
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu by tanh": lambda x: ops.gelu(x, approximate=True),
    "softmax": lambda x: ops.softmax(x, axis=-1),
    "log softmax": lambda x: ops.log_softmax(x, axis=1),
    "stop gradient": lambda x: ops.stop_gradient(x) * 2,
    "scalar right": lambda x: x * 2 + 1,
    "scalar left": lambda x: 1 - 2 / (ops.abs(x) + 1),
    "array": lambda x: x * np.array([1.0, 2.0, 3.0, 4.0], np.float32),
    "array of a column": lambda x: x + np.arange(5, dtype=np.float32)[:, None],
    "power": lambda x: ops.power(ops.abs(x), 2.5),
    "maximum": lambda x: ops.maximum(x, 0.1),
    "minimum": lambda x: ops.minimum(x, -x),
    "where": lambda x: ops.where(x > 0.2, x, 0.0),
    "where of comparisons": lambda x: ops.where(ops.logical_or(x <= -0.5, ops.equal(x, 0)), -1.0, x),
    "cast": lambda x: ops.cast(x * 10, "int32"),
    "logical": lambda x: ops.logical_and(x < 0.5, ops.logical_not(ops.not_equal(x, x))),
    "mean": lambda x: ops.mean(x, axis=(1, 2)),
    "mean kept": lambda x: ops.mean(x, axis=(1, 2), keepdims=True),
    "mean of channels": lambda x: ops.mean(x, axis=-1),
    "sum": lambda x: ops.sum(x, axis=1),
    "sum kept": lambda x: ops.sum(x, axis=(1, 2), keepdims=True),
    "max": lambda x: ops.max(x, axis=(1, 2)),
    "min": lambda x: ops.min(x, axis=-1, keepdims=True),
    "prod": lambda x: ops.prod(x, axis=3),
    "amax": lambda x: ops.amax(x, axis=2),
    "argmax": lambda x: ops.argmax(x, axis=-1),
    "reshape": lambda x: ops.reshape(x, (-1, 30, 4)),
    "transpose": lambda x: ops.transpose(x, (0, 3, 1, 2)),
    "swap axes": lambda x: ops.swapaxes(x, 1, -1),
    "expand": lambda x: ops.expand_dims(x, -1),
    "squeeze": lambda x: ops.squeeze(ops.expand_dims(x, 1), 1),
    "stack": lambda x: ops.stack([x, -x], axis=-1),
    "split": lambda x: ops.split(x, 2, axis=-1),
    "split at": lambda x: ops.split(x, [1, 3], axis=1),
    "tile": lambda x: ops.tile(x, (1, 2, 1, 3)),
    "take": lambda x: ops.take(x, [2, 0, 2], axis=1),
    "concatenate": lambda x: ops.concatenate([x, x * 2], axis=-1),
    "item": lambda x: x[:, 0],
    "last item": lambda x: x[:, -1, :, 1:3],
    "items": lambda x: x[:, 1:-1, ::2, None],
    "reversed items": lambda x: x[:, ::-1],
    "ellipsis": lambda x: x[..., 0],
    "ellipsis and new axis": lambda x: x[:, None, ..., 1:],
}


@pytest.mark.parametrize("function", UNARY.values(), ids=UNARY)
@pytest.mark.parametrize("before", ["input", "convolution"])
def test_operation_on_a_feature_map(function: Callable[[Any], Any], before: str) -> None:
    x = keras.Input(MAP, name="x")
    model = keras.Model(x, function(layers.Conv2D(4, 1)(x) if before == "convolution" else x))
    randomise(model)
    assert_same(model, {"x": RANDOM.normal(size=(3, *MAP)).astype(np.float32)})


def test_operations_between_layouts() -> None:
    """A map that lies channels first meets one that lies channels last, a row a photo, and whole numbers."""
    x, row = keras.Input(MAP, name="x"), keras.Input((4,), name="row")
    count = keras.Input((), dtype="int32", name="count")
    y = layers.Conv2D(4, 1)(x)
    film = y * (1 + row[:, None, None, :]) - x
    counted = ops.sum(film, axis=(1, 2)) / (count[:, None] + 1)
    model = keras.Model([x, row, count], [film, counted, ops.greater(count, 2), count * 2])
    randomise(model)
    given = {"x": RANDOM.normal(size=(3, *MAP)).astype(np.float32), "count": np.array([0, 3, 5], np.int32)}
    assert_same(model, given | {"row": RANDOM.normal(size=(3, 4)).astype(np.float32)})


def test_products() -> None:
    a, b = keras.Input((None, 4), name="a"), keras.Input((None, 4), name="b")
    scores = ops.matmul(a, ops.transpose(b, (0, 2, 1)))
    model = keras.Model(
        [a, b], [scores, ops.einsum("nac,nbc->nab", a, b), ops.matmul(a, np.eye(4, 2, dtype=np.float32))]
    )
    assert_same(model, {name: RANDOM.normal(size=(2, 3, 4)).astype(np.float32) for name in "ab"})


def test_question_guided_attention() -> None:
    """Weights over the grid from question and cells, then the weighted sum of cells."""
    grid, asked = keras.Input((4, 4, 6), name="grid"), keras.Input((5,), name="asked")
    cells = layers.Reshape((16, 6))(grid)
    guided = ops.tanh(layers.Dense(8)(cells) + layers.Dense(8)(asked)[:, None, :])
    weights = ops.softmax(layers.Dense(2)(guided), axis=1)  # [N, cells, glances]
    seen = layers.Flatten()(ops.einsum("ncg,ncf->ngf", weights, cells))
    model = keras.Model([grid, asked], layers.Dense(3)(layers.Concatenate()([seen, asked])))
    randomise(model)
    given = {"grid": RANDOM.normal(size=(3, 4, 4, 6)), "asked": RANDOM.normal(size=(3, 5))}
    assert_same(model, {name: array.astype(np.float32) for name, array in given.items()})


def test_a_chain_of_convolutions_is_transposed_once_at_each_end() -> None:
    """A FiLM block, residual: everything in between stays channels first."""
    x, asked = keras.Input((8, 8, 3), name="x"), keras.Input((5,), name="asked")
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x)))
    scale, shift = ops.split(layers.Dense(8)(asked), 2, axis=-1)
    z = layers.Conv2D(4, 3, padding="same")(y) * scale[:, None, None, :] + shift[:, None, None, :]
    model = keras.Model([x, asked], layers.Add()([y, layers.Activation("gelu")(z)]))
    randomise(model)
    given = {"x": RANDOM.normal(size=(2, 8, 8, 3)), "asked": RANDOM.normal(size=(2, 5))}
    proto = assert_same(model, {name: array.astype(np.float32) for name, array in given.items()})
    assert kinds(proto).count("Transpose") == 4  # in, out, and [N,1,1,C] to [N,C,1,1] twice
