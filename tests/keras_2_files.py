"""Model files as Keras 1 and 2 wrote them: their configuration as JSON, their weights in HDF5 groups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Weights = Mapping[
    str, Sequence[tuple[str, NDArray[Any]]]
]  # by the layer's name: (the weight's name, the weight)

DENSE = {
    "trainable": True,
    "dtype": "float32",
    "use_bias": True,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
    "bias_initializer": {"class_name": "Zeros", "config": {}},
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
CONV = DENSE | {
    "kernel_size": [3, 3],
    "strides": [1, 1],
    "padding": "same",
    "data_format": "channels_last",
    "dilation_rate": [1, 1],
    "groups": 1,
    "activation": "linear",
}
POOL = {"trainable": True, "dtype": "float32", "pool_size": [2, 2], "padding": "valid", "strides": [2, 2]}


def layer(class_name: str, name: str, *inputs: str, **config: Any) -> dict[str, Any]:
    """One layer of a functional model's configuration."""
    nodes = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
    return {
        "class_name": class_name,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": nodes,
    }


def image_input(name: str, shape: Sequence[int | None]) -> dict[str, Any]:
    """An InputLayer."""
    return layer(
        "InputLayer", name, batch_input_shape=[None, *shape], dtype="float32", sparse=False, ragged=False
    )


def functional(layers: Sequence[Mapping[str, Any]], inputs: Sequence[str], output: str) -> dict[str, Any]:
    """The model_config of a functional model of tf.keras 2."""
    config = {
        "name": "model",
        "trainable": True,
        "layers": list(layers),
        "input_layers": [[one, 0, 0] for one in inputs],
        "output_layers": [[output, 0, 0]],
    }
    return {"class_name": "Functional", "config": config}


def easy_vqa_config(*, side: int = 64, words: int = 28, answers: int = 13) -> dict[str, Any]:
    """The small network of easy-VQA (Victor Zhou 2019, "Easy Visual Question Answering"), as tf.keras 2 writes it."""
    return functional(
        [
            image_input("input_1", [side, side, 3]),
            layer("Conv2D", "conv2d", "input_1", **CONV | {"filters": 8}),
            layer("MaxPooling2D", "max_pooling2d", "conv2d", **POOL | {"data_format": "channels_last"}),
            layer("Conv2D", "conv2d_1", "max_pooling2d", **CONV | {"filters": 16}),
            layer("MaxPooling2D", "max_pooling2d_1", "conv2d_1", **POOL | {"data_format": "channels_last"}),
            layer("Flatten", "flatten", "max_pooling2d_1", trainable=True, data_format="channels_last"),
            image_input("input_2", [words]),
            layer("Dense", "dense_1", "input_2", **DENSE | {"units": 32, "activation": "tanh"}),
            layer("Dense", "dense", "flatten", **DENSE | {"units": 32, "activation": "tanh"}),
            layer("Dense", "dense_2", "dense_1", **DENSE | {"units": 32, "activation": "tanh"}),
            layer("Multiply", "multiply", "dense", "dense_2", trainable=True, dtype="float32"),
            layer("Dense", "dense_3", "multiply", **DENSE | {"units": 32, "activation": "tanh"}),
            layer("Dense", "dense_4", "dense_3", **DENSE | {"units": answers, "activation": "softmax"}),
        ],
        ["input_1", "input_2"],
        "dense_4",
    )


def write_hdf5(
    path: Path, config: Mapping[str, Any] | None, weights: Weights, *, version: str = "2.8.0"
) -> Path:
    """A whole model, or weights alone; layers that have none are listed as well."""
    with h5py.File(path, "w") as file:
        group: Any = file
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
            file.attrs["keras_version"] = version
            file.attrs["backend"] = "tensorflow"
            group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        group.attrs["keras_version"] = version.encode()
        group.attrs["backend"] = b"tensorflow"
        for name, arrays in weights.items():
            own = group.create_group(name)
            own.attrs["weight_names"] = [one.encode() for one, _ in arrays]
            for one, array in arrays:
                own.create_dataset(one, data=array)
    return path


def random_weights(shapes: Mapping[str, Mapping[str, Sequence[int]]], seed: int = 0) -> Weights:
    """Weights by their layers and names, each spread so that activations neither vanish nor saturate."""
    random = np.random.default_rng(seed)

    def array(size: Sequence[int]) -> NDArray[np.float32]:
        spread = 0.1 if len(size) == 1 else 2 / np.prod(size[:-1]) ** 0.5  # biases must not drown the rest
        return random.normal(0, spread, size).astype(np.float32)

    return {
        name: [(f"{name}/{one}:0", array(size)) for one, size in own.items()] for name, own in shapes.items()
    }


def easy_vqa_weights(*, side: int = 64, words: int = 28, answers: int = 13, seed: int = 0) -> Weights:
    """Random weights of that network, in the order of the file."""
    flat = 16 * (side // 4) ** 2
    sizes = {
        "input_1": {},
        "conv2d": {"kernel": (3, 3, 3, 8), "bias": (8,)},
        "max_pooling2d": {},
        "conv2d_1": {"kernel": (3, 3, 8, 16), "bias": (16,)},
        "max_pooling2d_1": {},
        "flatten": {},
        "input_2": {},
        "dense_1": {"kernel": (words, 32), "bias": (32,)},
        "dense": {"kernel": (flat, 32), "bias": (32,)},
        "dense_2": {"kernel": (32, 32), "bias": (32,)},
        "multiply": {},
        "dense_3": {"kernel": (32, 32), "bias": (32,)},
        "dense_4": {"kernel": (32, answers), "bias": (answers,)},
    }
    return random_weights(sizes, seed)
