"""Weights from an HDF5 file as Keras 0.3 to 2 wrote it, into the layers of a model that was built anew.

Each is taken by its layer's name; where the names differ, in the order in which they stand, as Keras itself does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from ..errors import ImportSpecError

Arrays = list[NDArray[Any]]
OLD_GATES = {
    "LSTM": (0, 2, 1, 3),
    "GRU": (0, 1, 2),
}  # Keras 1's i, c, f, o -> i, f, c, o; z, r, h as they are


def fill(layers: Sequence[keras.Layer], file: h5py.Group) -> None:
    """Raises ImportSpecError where weights are missing, left over, or of another shape."""
    group = file.get("model_weights", file)
    version = _text(group.attrs.get("keras_version", "1"))
    theano = _text(group.attrs.get("backend", "")) == "theano"
    named, in_order = _by_layer(group)
    wanted = [layer for layer in layers if layer.weights]
    by_name = len({layer.name for layer in wanted}) == len(wanted) and all(
        layer.name in named for layer in wanted
    )
    if by_name and sum(len(named[layer.name]) for layer in wanted) != len(in_order):
        by_name = False
    if not by_name and _holds_models(group):
        raise ImportSpecError(
            "The file's models inside the model have layers of other names than the description says, and their order "
            "alone does not tell which weights are whose. Save the whole model to one file."
        )
    rest = iter(in_order)
    for layer in wanted:
        count = _count(layer, old=version[:1] in "01")
        arrays = named[layer.name] if by_name else list(islice(rest, count))
        _assign(layer, [np.asarray(array) for array in arrays], theano=theano)
    if not by_name and next(rest, None) is not None:
        raise ImportSpecError("The file holds more weights than the model has: it is of another model.")


def _by_layer(group: h5py.Group) -> tuple[dict[str, list[Any]], list[Any]]:
    """Weights by the name of their layer, and all of them in order."""
    named: dict[str, list[Any]] = {}
    in_order: list[Any] = []
    if "nb_layers" in group.attrs:  # Keras 0.3
        for place in range(int(group.attrs["nb_layers"])):
            one = group[f"layer_{place}"]
            in_order += [one[f"param_{number}"] for number in range(int(one.attrs["nb_params"]))]
        return named, in_order
    for name in _names(group, "layer_names"):
        for path in _names(group[name], "weight_names"):
            array = group[name][path]
            in_order.append(array)
            first = path.split("/")[0]  # of a nested model: its own layer's name
            named.setdefault(name, []).append(array)
            if first != name and "/" in path:
                named.setdefault(first, []).append(array)
    return named, in_order


def _holds_models(group: h5py.Group) -> bool:
    """Whether the weights of several layers stand together, as those of a model inside the model do."""
    groups = [] if "nb_layers" in group.attrs else list(_names(group, "layer_names"))
    return any(
        len({path.split("/")[0] for path in _names(group[one], "weight_names") if "/" in path}) > 1
        for one in groups
    )


def _names(group: h5py.Group, key: str) -> Iterator[str]:
    """A list of texts, which Keras cuts to several attributes where it is long."""
    if key in group.attrs:
        parts = [group.attrs[key]]
    else:
        parts = []
        while f"{key}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{key}{len(parts)}"])
    return (_text(name) for part in parts for name in part)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _count(layer: keras.Layer, *, old: bool) -> int:
    """How many arrays a layer's weights are in the file."""
    kind, count = type(layer).__name__, len(layer.weights)
    return count * len(OLD_GATES[kind]) if old and kind in OLD_GATES else count


def _assign(layer: keras.Layer, arrays: Arrays, *, theano: bool) -> None:
    kind = type(layer).__name__
    if kind in OLD_GATES and len(arrays) == 3 * len(OLD_GATES[kind]):  # of each gate W, U and b
        arrays = [
            np.concatenate([arrays[3 * gate + part] for gate in OLD_GATES[kind]], axis=-1)
            for part in range(3)
        ]
    if kind == "Conv1D" and arrays and arrays[0].ndim == 4 and arrays[0].shape[1] == 1:  # Keras 1
        arrays[0] = arrays[0][:, 0]
    if theano and kind in (
        "Conv1D",
        "Conv2D",
        "SeparableConv2D",
        "DepthwiseConv2D",
    ):  # it turns kernels round
        spatial = tuple(range(arrays[0].ndim - 2))
        arrays[0] = np.flip(arrays[0], spatial)
    expected = [tuple(variable.shape) for variable in layer.weights]
    if (found := [array.shape for array in arrays]) != expected:
        raise ImportSpecError(
            f"{layer.name} ({kind}) has weights of the shapes {expected}; the file holds {found}. "
            "Do the model's description and its weights belong together?"
        )
    for variable, array in zip(layer.weights, arrays, strict=True):
        variable.assign(array)
