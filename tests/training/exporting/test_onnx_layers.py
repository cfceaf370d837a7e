"""Each layer that the converter knows gives in ONNX what it gives in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from onnx_parity import assert_same, randomise

MAP = (9, 7, 4)  # height, width, channels; odd, so that padding on one side shows
RANDOM = np.random.default_rng(1)

IMAGE_LAYERS: dict[str, Callable[[], Any]] = {
    "rescaling": lambda: layers.Rescaling(1 / 127.5, offset=-1),
    "rescaling by channel": lambda: layers.Rescaling([1.0, 0.5, 2.0, 3.0], offset=[0.0, 1.0, -1.0, 2.0]),
    "convolution": lambda: layers.Conv2D(5, 3, activation="relu"),
    "convolution same": lambda: layers.Conv2D(5, (3, 4), padding="same", use_bias=False),
    "convolution same strided": lambda: layers.Conv2D(5, 3, strides=2, padding="same"),
    "convolution same strided, even kernel": lambda: layers.Conv2D(5, 4, strides=(3, 2), padding="same"),
    "convolution dilated": lambda: layers.Conv2D(5, 3, dilation_rate=2, padding="same"),
    "convolution in groups": lambda: layers.Conv2D(6, 3, groups=2),
    "convolution softmax": lambda: layers.Conv2D(5, 1, activation="softmax"),
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="tanh"),
    "depthwise strided": lambda: layers.DepthwiseConv2D(3, strides=2, use_bias=False),
    "separable": lambda: layers.SeparableConv2D(
        6, 3, depth_multiplier=2, strides=2, padding="same", activation="relu"
    ),
    "batch normalisation": lambda: layers.BatchNormalization(),
    "batch normalisation, bare": lambda: layers.BatchNormalization(scale=False, center=False),
    "layer normalisation": lambda: layers.LayerNormalization(),
    "layer normalisation over all": lambda: layers.LayerNormalization(axis=(1, 2, 3)),
    "layer normalisation, bare": lambda: layers.LayerNormalization(scale=False, center=False),
    "group normalisation": lambda: layers.GroupNormalization(groups=2),
    "instance normalisation": lambda: layers.GroupNormalization(groups=-1),
    "normalisation": lambda: layers.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 9.0, 0.0]),
    "unit normalisation": lambda: layers.UnitNormalization(axis=-1),
    "dense": lambda: layers.Dense(3, activation="gelu"),
    "einsum dense": lambda: layers.EinsumDense("nhwc,cd->nhwd", output_shape=(9, 7, 3), bias_axes="d"),
    "max pooling": lambda: layers.MaxPooling2D(2),
    "max pooling same": lambda: layers.MaxPooling2D(3, strides=2, padding="same"),
    "average pooling same": lambda: layers.AveragePooling2D(3, strides=2, padding="same"),
    "global average": lambda: layers.GlobalAveragePooling2D(),
    "global average kept": lambda: layers.GlobalAveragePooling2D(keepdims=True),
    "global max": lambda: layers.GlobalMaxPooling2D(),
    "zero padding": lambda: layers.ZeroPadding2D(((1, 2), (3, 0))),
    "cropping": lambda: layers.Cropping2D(((1, 2), (0, 3))),
    "up-sampling": lambda: layers.UpSampling2D((2, 3)),
    "up-sampling bilinear": lambda: layers.UpSampling2D(2, interpolation="bilinear"),
    "flatten": lambda: layers.Flatten(),
    "reshape": lambda: layers.Reshape((-1, 4)),
    "permute": lambda: layers.Permute((3, 1, 2)),
    "dropout": lambda: layers.Dropout(0.5),
    "noise": lambda: layers.GaussianNoise(0.5),
    "softmax": lambda: layers.Softmax(axis=1),
    "relu bounded": lambda: layers.ReLU(max_value=0.5),
    "relu sloped": lambda: layers.ReLU(negative_slope=0.1, max_value=0.7),
    "leaky relu": lambda: layers.LeakyReLU(0.3),
    "elu": lambda: layers.ELU(0.7),
    "prelu": lambda: layers.PReLU(shared_axes=(1, 2)),
}
ACTIVATIONS = (
    "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "linear", "log_softmax", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh",
)  # fmt: skip


def feature_map(batch: int = 3) -> dict[str, Any]:
    return {"x": RANDOM.normal(size=(batch, *MAP)).astype(np.float32)}


@pytest.mark.parametrize("make", IMAGE_LAYERS.values(), ids=IMAGE_LAYERS)
@pytest.mark.parametrize("before", ["input", "convolution"])
def test_layer_on_a_feature_map(make: Callable[[], Any], before: str) -> None:
    """Once on an input that lies channels last, once behind a convolution, whose output lies channels first."""
    x = keras.Input(MAP, name="x")
    y = layers.Conv2D(4, 1)(x) if before == "convolution" else x
    model = keras.Model(x, make()(y))
    randomise(model)
    assert_same(model, feature_map())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    x = keras.Input(MAP, name="x")
    model = keras.Model(x, [layers.Activation(name)(x), layers.Activation(name)(layers.Conv2D(3, 1)(x))])
    randomise(model)
    assert_same(model, feature_map())


def test_layers_on_rows() -> None:
    """[N,C]: dense chains, batch normalisation and repetition."""
    x = keras.Input((6,), name="x")
    y = layers.Dense(5, activation="tanh")(x)
    y = layers.BatchNormalization()(y)
    y = layers.Dense(4, use_bias=False)(layers.Dropout(0.2)(y))
    model = keras.Model(x, [y, layers.RepeatVector(3)(y), layers.LayerNormalization()(y)])
    randomise(model)
    assert_same(model, {"x": RANDOM.normal(size=(2, 6)).astype(np.float32)})


def test_layers_on_steps() -> None:
    """[N,T,C] with T free: one-dimensional convolutions and pooling, dense layers."""
    x = keras.Input((None, 4), name="x")
    y = layers.Conv1D(5, 3, padding="causal", dilation_rate=2)(x)
    z = layers.SeparableConv1D(5, 3, padding="same")(layers.Dense(4)(y))
    ends = [y, z, layers.GlobalMaxPooling1D()(z), layers.GlobalAveragePooling1D()(x)]
    model = keras.Model(x, [*ends, layers.MaxPooling1D(2)(z), layers.ZeroPadding1D((1, 2))(x)])
    randomise(model)
    proto = assert_same(model, {"x": RANDOM.normal(size=(2, 8, 4)).astype(np.float32)})
    free = proto.graph.input[0].type.tensor_type.shape.dim
    assert [free[0].dim_param, free[1].dim_param, free[2].dim_value] == ["N", "T", 4]


def test_strided_same_convolution_on_a_free_size() -> None:
    """TensorFlow's padding depends on the size then; the engine has to work it out."""
    x = keras.Input((None, None, 3), name="x")
    model = keras.Model(x, layers.Conv2D(4, 3, strides=2, padding="same")(x))
    randomise(model)
    for height, width in ((9, 7), (8, 10)):
        assert_same(model, {"x": RANDOM.normal(size=(2, height, width, 3)).astype(np.float32)})


def test_embedding() -> None:
    rows = keras.Input((None,), dtype="int32", name="rows")
    model = keras.Model(rows, layers.Embedding(11, 5)(rows))
    randomise(model)
    assert_same(model, {"rows": RANDOM.integers(0, 11, (3, 4)).astype(np.int32)})


MERGES: dict[str, Callable[[], Any]] = {
    "add": lambda: layers.Add(),
    "subtract": lambda: layers.Subtract(),
    "multiply": lambda: layers.Multiply(),
    "average": lambda: layers.Average(),
    "maximum": lambda: layers.Maximum(),
    "minimum": lambda: layers.Minimum(),
    "concatenate": lambda: layers.Concatenate(),
    "concatenate on height": lambda: layers.Concatenate(axis=1),
}


@pytest.mark.parametrize("make", MERGES.values(), ids=MERGES)
def test_merging_maps_of_both_layouts(make: Callable[[], Any]) -> None:
    x = keras.Input(MAP, name="x")
    convolved = layers.Conv2D(4, 1)(x)
    model = keras.Model(x, [make()([convolved, x]), make()([x, convolved]), make()([convolved, convolved])])
    randomise(model)
    assert_same(model, feature_map())


@pytest.mark.parametrize("make", [layers.Add, layers.Multiply, layers.Maximum])
def test_merging_broadcasts_as_keras_does(make: Callable[[], Any]) -> None:
    """Missing axes go behind the batch: [N,C] beside [N,H,W,C]."""
    x, row = keras.Input(MAP, name="x"), keras.Input((4,), name="row")
    merged = make()([layers.Conv2D(4, 1)(x), row])
    model = keras.Model([x, row], [merged, make()([row, layers.Reshape((-1, 4))(x)])])
    randomise(model)
    assert_same(model, feature_map() | {"row": RANDOM.normal(size=(3, 4)).astype(np.float32)})


@pytest.mark.parametrize("axes", [(1, 1), (2, 2), (2, 1)])
def test_dot(axes: tuple[int, int]) -> None:
    a, b = keras.Input((4, 4), name="a"), keras.Input((4, 4), name="b")
    model = keras.Model([a, b], layers.Dot(axes)([a, b]))
    assert_same(model, {name: RANDOM.normal(size=(2, 4, 4)).astype(np.float32) for name in "ab"})
