"""Converts a Keras functional model to ONNX, layer by layer.

Keras' own export uses tf2onnx, which needs over 23 GB for VGG16. Here a converter for each layer writes its ONNX
nodes (`onnx_layers/`), and each weight is copied once, so that memory stays near the size of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import helper

from ..errors import ExportError
from .onnx_layers.graph import ONNX_TYPES, Graph
from .onnx_layers.masks import pass_mask_on
from .onnx_layers.onnx_file import LARGEST_BYTES, OnnxFile
from .onnx_layers.registry import (
    Call,
    Converter,
    converts,
    converts_operation,
    layer_converter,
    operation_converter,
)
from .onnx_layers.value import Value

if TYPE_CHECKING:
    import keras

MASK_UNUSED = ("BatchNormalization",)  # layers that use a mask in training only

__all__ = ["Call", "ExportError", "Value", "converts", "converts_operation", "save_onnx", "to_onnx"]


def to_onnx(
    model: keras.Model,
    *,
    output_names: Sequence[str] | None = None,
    uint8_inputs: Iterable[str] = (),
    axis_names: Mapping[str, Mapping[int, str]] | None = None,
    zeros_at_the_end: bool = False,
) -> onnx.ModelProto:
    """Convert a functional or sequential Keras model to ONNX (opset 17), checked, in memory.

    Inputs keep the names of their `keras.Input`. Outputs are called `output_names`, by default as the layers that
    they come from. Free axes are called "N" (the batch) and "T" (the second axis of [N,T,D] or [N,T]);
    `axis_names` sets other names, as in {"image": {1: "H", 2: "W"}}. Inputs in `uint8_inputs` are uint8 in ONNX;
    the graph casts them to the type that Keras expects.

    `zeros_at_the_end` promises that the number 0, where an Embedding masks it (mask_zero), follows all others.

    Raises ExportError, naming the layer, its class and its path in the model, where there is no conversion.
    """
    return _convert(model, output_names, uint8_inputs, axis_names or {}, zeros_at_the_end).proto()


def save_onnx(
    model: keras.Model,
    path: str | Path,
    *,
    output_names: Sequence[str] | None = None,
    uint8_inputs: Iterable[str] = (),
    axis_names: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Convert a model as `to_onnx` does and write it to one file, without copying its weights in memory."""
    _convert(model, output_names, uint8_inputs, axis_names or {}).write(Path(path))


def _convert(
    model: keras.Model,
    output_names: Sequence[str] | None,
    uint8_inputs: Iterable[str],
    axes: Mapping[str, Mapping[int, str]],
    zeros_at_the_end: bool = False,
) -> OnnxFile:
    graph = Graph(zeros_at_the_end=zeros_at_the_end)
    body = functional(model, model.name)
    infos, values = _inputs(graph, body, set(uint8_inputs), axes)
    ends = walk(graph, body, values, "")
    names = list(output_names) if output_names is not None else default_names(body.outputs)
    if len(names) != len(ends):
        raise ExportError(f"output_names has {len(names)} names; the model has {len(ends)} outputs.")
    graph.finish([(value.name(), wish) for value, wish in zip(ends, names, strict=True)])
    outputs = [
        tensor_info(wish, value.dtype, value.shape, axes.get(wish, {}))
        for wish, value in zip(names, ends, strict=True)
    ]
    size = sum(array.nbytes for array in graph.weights.values())
    if size > LARGEST_BYTES:
        raise ExportError(
            f"The weights of {model.name} take {size} bytes; one ONNX file holds {LARGEST_BYTES}."
        )
    return OnnxFile.of(graph, model.name, infos, outputs)


def _inputs(
    graph: Graph, body: Any, as_uint8: set[str], axes: Mapping[str, Mapping[int, str]]
) -> tuple[list[onnx.ValueInfoProto], list[Value]]:
    """The graph's inputs, and the values that stand for them."""
    names = [tensor.name for tensor in body.inputs]
    if not as_uint8 <= set(names):
        raise ExportError(
            f"uint8_inputs names {sorted(as_uint8 - set(names))}; the model's inputs are {names}."
        )
    infos, values = [], []
    for tensor in body.inputs:
        name, shape = tensor.name, tuple(tensor.shape)
        seen = "uint8" if name in as_uint8 else tensor.dtype
        if graph.unique(name) != name:
            raise ExportError(
                f"The input name {name!r} occurs twice or has characters that are not allowed; name each keras.Input."
            )
        infos.append(tensor_info(name, seen, shape, axes.get(name, {})))
        start = name
        if seen != tensor.dtype:
            start = graph.node("Cast", [name], name, to=ONNX_TYPES[tensor.dtype])
        values.append(Value(graph, shape, tensor.dtype, name, {"keras": start}))
    return infos, values


def default_names(outputs: Sequence[Any]) -> list[str]:
    """The names of the layers that the outputs come from; a layer's second output gets `_1`, and so on."""
    taken: Counter[str] = Counter()
    names = []
    for tensor in outputs:
        name = tensor._keras_history.operation.name
        names.append(f"{name}_{taken[name]}" if taken[name] else name)
        taken[name] += 1
    return names


def functional(model: Any, where: str) -> Any:
    """The functional graph of a model. Raises ExportError for subclassed or unbuilt models."""
    body = getattr(model, "_functional", model)  # where keras.Sequential has its graph
    if body is None or not hasattr(body, "_nodes_by_depth"):
        raise ExportError(
            f"{where} ({type(model).__name__}) has no functional graph: build it with keras.Input and "
            "layers, or give a Sequential model an Input."
        )
    return body


def tensor_info(
    name: str, dtype: str, shape: Sequence[int | None], names: Mapping[int, str]
) -> onnx.ValueInfoProto:
    sizes: list[int | str] = []
    for axis, size in enumerate(shape):
        free = "N" if axis == 0 else "T" if axis == 1 and len(shape) <= 3 else f"{name}_{axis}"
        sizes.append(names.get(axis, free) if size is None else size)
    return helper.make_tensor_value_info(name, ONNX_TYPES[dtype], sizes)


def walk(graph: Graph, body: Any, values: Sequence[Value], path: str) -> list[Value]:
    """Convert one functional graph: `values` are its inputs, the result is its outputs."""
    known_values = {id(tensor): value for tensor, value in zip(body.inputs, values, strict=True)}
    for depth in sorted(body._nodes_by_depth, reverse=True):
        for node in body._nodes_by_depth[depth]:
            if node.is_input or any(id(tensor) not in known_values for tensor in node.input_tensors):
                continue
            if all(id(tensor) in known_values for tensor in node.outputs):
                continue
            args, kwargs = node.arguments.fill_in(known_values)
            where = f"{path}{node.operation.name}"
            call = Call(
                graph=graph,
                operation=node.operation,
                where=where,
                args=tuple(args),
                kwargs=dict(kwargs),
                inputs=[known_values[id(tensor)] for tensor in node.input_tensors],
                outputs=[(tuple(tensor.shape), str(tensor.dtype)) for tensor in node.outputs],
            )
            results = convert(call)
            for tensor, value in zip(node.outputs, results, strict=True):
                known_values[id(tensor)] = value
    return [known_values[id(tensor)] for tensor in body.outputs]


def convert(call: Call) -> list[Value]:
    """Convert one call of a nested model, a layer or an operation."""
    import keras

    operation, name = call.operation, type(call.operation).__name__
    if hasattr(operation, "_nodes_by_depth") or getattr(operation, "_functional", None) is not None:
        body = functional(operation, call.where)
        return walk(call.graph, body, nested_inputs(call, body), f"{call.where}/")
    if not isinstance(operation, keras.Layer):
        converter = operation_converter(name)
        if converter is None:
            raise call.unsupported("this operation has no conversion; write one with @converts_operation")
        return as_list(converter, call)
    found = layer_converter(name)
    if found is None:
        raise call.unsupported("this layer has no conversion; write one with @converts")
    converter, heeds_masks = found
    explicit = call.kwargs.get("mask")
    if explicit is not None:
        call.inputs = [value for value in call.inputs if value is not explicit]
    call.mask = explicit if explicit is not None else next((value.mask for value in call.inputs), None)
    takes_mask = "mask" in operation.call_signature_parameters and name not in MASK_UNUSED
    if call.mask is not None and takes_mask and not heeds_masks:
        raise call.unsupported("a mask reaches this layer, and its conversion does not support masks")
    results = as_list(converter, call)
    if not heeds_masks:
        pass_mask_on(call, results)
    return results


def nested_inputs(call: Call, body: Any) -> list[Value]:
    """The values that a nested model is called with, in the order of its inputs."""
    from keras import tree

    given = call.argument(0, "inputs")
    if isinstance(given, dict) and not isinstance(body._inputs_struct, dict):
        return [given[tensor.name] for tensor in body.inputs]
    values: list[Value] = tree.flatten(given)
    return values


def as_list(converter: Converter, call: Call) -> list[Value]:
    result = converter(call)
    return result if isinstance(result, list) else [result]
