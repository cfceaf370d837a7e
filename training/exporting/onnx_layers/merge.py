"""Layers and functions that combine several tensors, with broadcasting, such as Add and keras.ops.add."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from .graph import ONNX_TYPES
from .registry import Call, converts, converts_operation
from .value import Layout, Value


def shared_layout(values: list[Value]) -> Layout:
    """Channels first where one value has that layout already and the others can be transposed to it."""
    rank = max(value.rank for value in values)
    can = all(value.rank == rank or value.rank == 0 for value in values)
    return "channels_first" if can and any(value.channels_first for value in values) else "keras"


def operand(call: Call, source: Any, dtype: str, layout: Layout, rank: int) -> str:
    """The name of a tensor of `dtype` for a value, number or array."""
    if isinstance(source, Value):
        return call.cast(source.name(layout if source.rank == rank else "keras"), source.dtype, dtype)
    array = np.asarray(source)
    if array.ndim and layout == "channels_first":  # aligned with NHWC from the right, then transposed
        array = np.moveaxis(array.reshape((1,) * (rank - array.ndim) + array.shape), -1, 1)
    onnx_dtype = "float32" if dtype in ("float16", "bfloat16", "float64") else dtype
    return call.constant(array, onnx_dtype)


def together(call: Call, sources: list[Any], dtype: str) -> tuple[list[str], Layout]:
    """All operands in one layout and dtype, so that they can be broadcast."""
    values = [source for source in sources if isinstance(source, Value)]
    layout = shared_layout(values)
    rank = max(value.rank for value in values)
    return [operand(call, source, dtype, layout, rank) for source in sources], layout


MERGES = {
    "Add": "Add",
    "Subtract": "Sub",
    "Multiply": "Mul",
    "Maximum": "Max",
    "Minimum": "Min",
    "Average": "Add",
}


def aligned(call: Call, values: list[Value]) -> list[Value]:
    """Insert missing axes after the batch axis, as Keras' merging layers do: [N,C] with [N,H,W,C] becomes [N,1,1,C]."""
    rank = max(value.rank for value in values)
    out = []
    for value in values:
        if 0 < value.rank < rank:
            axes = call.constant(list(range(1, 1 + rank - value.rank)), "int64")
            shape = (value.shape[0], *(1,) * (rank - value.rank), *value.shape[1:])
            name = call.node("Unsqueeze", [value.name(), axes])
            value = Value(call.graph, shape, value.dtype, call.where, {"keras": name})
        out.append(value)
    return out


@converts(*MERGES)
def merge(call: Call) -> Value:
    names, layout = together(call, list(aligned(call, call.inputs)), call.outputs[0][1])
    op = MERGES[type(call.operation).__name__]
    y = reduce(lambda a, b: call.node(op, [a, b]), names)
    if type(call.operation).__name__ == "Average":
        y = call.node("Mul", [y, call.constant(1 / len(names))])
    return call.value(y, layout)


def concatenate(call: Call, values: list[Value], axis: int) -> Value:
    rank = values[0].rank
    axis %= rank
    layout = shared_layout(values)
    names = [operand(call, value, call.outputs[0][1], layout, rank) for value in values]
    if layout == "channels_first":
        axis = 0 if axis == 0 else 1 if axis == rank - 1 else axis + 1
    return call.value(call.node("Concat", names, axis=axis), layout)


@converts("Concatenate")
def concatenate_layer(call: Call) -> Value:
    return concatenate(call, call.inputs, call.operation.axis)


@converts_operation("Concatenate")
def concatenate_operation(call: Call) -> Value:
    if len(call.inputs) != len(call.argument(0, "xs")):
        raise call.unsupported("concatenating a constant")
    return concatenate(call, call.inputs, call.operation.axis)


@converts("Dot")
def dot_layer(call: Call) -> Value:
    """Dot of two [N,D], or of [N,A,D] and [N,B,D] along one axis each, as keras.layers.Dot."""
    layer, (left, right) = call.operation, call.inputs
    if layer.normalize:
        raise call.unsupported("normalize=True")
    axes = layer.axes if isinstance(layer.axes, (list, tuple)) else (layer.axes, layer.axes)
    letters = [["n", *"abcdefg"[: left.rank - 1]], ["n", *"tuvwxyz"[: right.rank - 1]]]
    for side, axis in enumerate(axes):
        letters[side][axis] = "k"
    out = [letter for letter in letters[0] if letter != "k"] + [
        letter for letter in letters[1] if letter not in "kn"
    ]
    equation = f"{''.join(letters[0])},{''.join(letters[1])}->{''.join(out)}"
    y = call.node("Einsum", [left.name(), right.name()], equation=equation)
    if left.rank == right.rank == 2:
        y = call.node("Unsqueeze", [y, call.constant([1], "int64")])
    return call.value(y)


BINARY = {
    "Add": "Add",
    "Subtract": "Sub",
    "Multiply": "Mul",
    "Divide": "Div",
    "TrueDivide": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
    "Power": "Pow",
}
COMPARISONS = {
    "Equal": "Equal",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
    "NotEqual": "Equal",
}
LOGICAL = {"LogicalAnd": "And", "LogicalOr": "Or", "LogicalXor": "Xor"}


def pair(call: Call) -> list[Any]:
    return [call.argument(0, "x1"), call.argument(1, "x2")]


@converts_operation(*BINARY)
def binary(call: Call) -> Value:
    names, layout = together(call, pair(call), call.outputs[0][1])
    return call.value(call.node(BINARY[type(call.operation).__name__], names), layout)


@converts_operation(*COMPARISONS)
def comparison(call: Call) -> Value:
    """Compare as float32 if one side is float32, else as int64."""
    sides = pair(call)
    dtypes = [side.dtype if isinstance(side, Value) else str(np.asarray(side).dtype) for side in sides]
    dtype = "float32" if any("float" in name for name in dtypes) else "int64"
    names, layout = together(call, sides, dtype)
    name = type(call.operation).__name__
    y = call.node(COMPARISONS[name], names)
    value = call.value(call.node("Not", [y]) if name == "NotEqual" else y, layout)
    if name == "NotEqual" and call.graph.zeros_at_the_end and value.rank == 2 and _is_zero(sides[1]):
        value.lengths = _count(call, value)
    return value


def _is_zero(side: Any) -> bool:
    return not isinstance(side, Value) and np.ndim(side) == 0 and float(side) == 0


def _count(call: Call, mask: Value) -> Value:
    """Lengths [N] of the sequences that a mask [N,T] holds, whose steps all stand at the front."""

    def make() -> str:
        kept = call.node("Cast", [mask.name()], to=ONNX_TYPES["int32"])
        return call.node("ReduceSum", [kept, call.constant([1], "int64")], keepdims=0)

    return Value(call.graph, mask.shape[:1], "int32", call.where, make=make)


@converts_operation(*LOGICAL)
def logical(call: Call) -> Value:
    """Logical functions, by which Keras also combines masks. A mask combined with itself stays unchanged."""
    first, second = pair(call)
    if isinstance(first, Value) and first is second and type(call.operation).__name__ != "LogicalXor":
        return first
    names, layout = together(call, pair(call), "bool")
    return call.value(call.node(LOGICAL[type(call.operation).__name__], names), layout)


@converts_operation("Where")
def where(call: Call) -> Value:
    sources = [call.argument(0, "condition"), call.argument(1, "x1"), call.argument(2, "x2")]
    layout = shared_layout([source for source in sources if isinstance(source, Value)])
    rank = len(call.outputs[0][0])
    dtypes = ["bool", call.outputs[0][1], call.outputs[0][1]]
    names = [operand(call, s, dtype, layout, rank) for s, dtype in zip(sources, dtypes, strict=True)]
    return call.value(call.node("Where", names), layout)
