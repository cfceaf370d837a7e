"""The configuration of a Keras 1 or 2 model, functional or sequential, as a Keras 3 model without its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ..errors import ImportSpecError
from .keras_forms import layer_of

MODELS = ("Model", "Functional", "Sequential")
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
}
WHOLE = ("Embedding",)  # takes whole numbers


class Built:
    """A model, and its layers that may have weights, in the order in which they were made, by their paths."""

    def __init__(self) -> None:
        self.layers: list[keras.Layer] = []
        self.model: keras.Model | None = None


def build_model(tree: Mapping[str, Any]) -> Built:
    """The model of a parsed model_config. Raises ImportSpecError, naming what cannot be built."""
    built = Built()
    try:
        built.model = _model(built, str(tree.get("class_name")), tree.get("config"))
    except ImportSpecError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ImportSpecError(
            f"The model's configuration cannot be read: {reason or type(error).__name__}."
        ) from error
    return built


def _model(built: Built, class_name: str, config: Any) -> keras.Model:
    if class_name == "Sequential":
        inputs, output = _sequential(built, config)
        name = config.get("name") if isinstance(config, dict) else None
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], output, name=name)
    if class_name not in MODELS:
        raise ImportSpecError(
            f"The file holds a {class_name}; a functional or sequential model of Keras is allowed. A model with code "
            "of its own (subclassed) cannot be read without running that."
        )
    return _functional(built, config)


def _layer(built: Built, class_name: str, config: Any) -> keras.Layer:
    """A layer, or a nested model."""
    if class_name in MODELS:
        return _model(built, class_name, config)
    layer = _merge(config) if class_name == "Merge" else layer_of(class_name, config)
    layer.trainable = bool(config.get("trainable", True))
    built.layers.append(layer)
    return layer


def _merge(config: Mapping[str, Any]) -> keras.Layer:
    """Keras 1's Merge."""
    mode, name = config.get("mode", "sum"), str(config.get("name"))
    if mode not in MERGES:
        raise ImportSpecError(
            f"{name} (Merge) has the mode {mode!r}; those that can be imported: {', '.join(MERGES)}."
        )
    more: dict[str, Any] = {}
    if mode == "concat":
        more["axis"] = config.get("concat_axis", -1)
    if mode == "dot":
        axes = config.get("dot_axes", -1)
        more["axes"] = (
            [one[0] if isinstance(one, list) else one for one in axes] if isinstance(axes, list) else axes
        )
    return layer_of(MERGES[mode], {"name": name, **more})


def _input(config: Mapping[str, Any], name: str, *, whole: bool = False) -> keras.KerasTensor | None:
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    if shape is None and config.get("input_shape") is not None:
        shape = [None, *config["input_shape"]]
    if shape is None and whole and "input_length" in config:
        shape = [None, config["input_length"]]
    if shape is None:
        return None
    dtype = "int32" if whole else config.get("input_dtype") or config.get("dtype") or "float32"
    dtype = dtype if isinstance(dtype, str) else "float32"
    return keras.Input(shape=tuple(shape[1:]), name=name, dtype=dtype)


def _sequential(built: Built, config: Any) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    """Inputs and output; Keras 1 begins one with a Merge of others."""
    layers = config if isinstance(config, list) else config["layers"]
    inputs: list[keras.KerasTensor] = []
    x: Any = None
    for place, entry in enumerate(layers):
        class_name, own = entry["class_name"], entry["config"]
        if class_name == "InputLayer":
            x = _input(own, own["name"])
            inputs.append(x)
            continue
        if class_name == "Merge" and own.get("layers"):
            branches = [_sequential(built, branch["config"]) for branch in own["layers"]]
            inputs += [one for given, _ in branches for one in given]
            x = _layer(built, class_name, own)([output for _, output in branches])
            continue
        if x is None:
            first = own
            while class_name in ("Bidirectional", "TimeDistributed") and "batch_input_shape" not in first:
                first, class_name = first["layer"]["config"], first["layer"]["class_name"]
            x = (
                _input(first, f"{own['name']}_input", whole=class_name in WHOLE)
                if isinstance(first, dict)
                else None
            )
            if x is None and isinstance(config, dict) and config.get("build_input_shape"):
                x = keras.Input(shape=tuple(config["build_input_shape"][1:]), name=f"{own['name']}_input")
            if x is None and entry["class_name"] in MODELS:
                nested = _model(built, entry["class_name"], own)
                inputs, x = list(nested.inputs), nested.outputs[0]
                continue
            if x is None:
                raise ImportSpecError(f"Layer {place} ({class_name}) does not say what shape comes in.")
            inputs.append(x)
        x = _layer(built, entry["class_name"], own)(x)
    if x is None:
        raise ImportSpecError("The model has no layers.")
    return inputs, x


def _functional(built: Built, config: Mapping[str, Any]) -> keras.Model:
    """Layers are called as soon as all that they take is there, so shared ones may stand anywhere in the list."""
    made: dict[tuple[str, int, int], Any] = {}
    waiting: list[tuple[str, int, keras.Layer, Any]] = []
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        if entry["class_name"] == "InputLayer":
            made[name, 0, 0] = _input(entry["config"], name)
            continue
        layer = _layer(built, entry["class_name"], entry["config"])
        waiting += [(name, place, layer, node) for place, node in enumerate(entry["inbound_nodes"])]
    while waiting:
        left = []
        for name, place, layer, node in waiting:
            places = [_place(name, layer, one) for one in ([node] if isinstance(node[0], str) else node)]
            if not all(one in made for one in places):
                left.append((name, place, layer, node))
                continue
            taken = [made[one] for one in places]
            results = layer(taken if len(taken) > 1 else taken[0])
            for number, result in enumerate(results if isinstance(results, list | tuple) else [results]):
                made[name, place, number] = result
        if len(left) == len(waiting):
            raise ImportSpecError(f"{left[0][0]} takes what no layer of the model makes.")
        waiting = left
    inputs, outputs = ([made[one] for one in _ends(config[key])] for key in ("input_layers", "output_layers"))
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name=config.get("name"))


def _place(name: str, layer: Any, given: Sequence[Any]) -> tuple[str, int, int]:
    more = given[3] if len(given) > 3 else {}
    if odd := {
        key: value
        for key, value in more.items()
        if key not in ("training", "mask") or (key == "mask" and value)
    }:
        raise ImportSpecError(f"{name} is called with {', '.join(odd)}, which cannot be imported.")
    return str(given[0]), int(given[1]), int(given[2])


def _ends(given: Sequence[Any]) -> list[tuple[str, int, int]]:
    several = given if given and not isinstance(given[0], str) else [given]
    return [(str(name), int(node), int(tensor)) for name, node, tensor in several]
