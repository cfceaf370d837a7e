"""keras.ops functions in a functional graph: element-wise functions, reductions, products and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .activations import clip, unary
from .merge import operand
from .registry import Call, converts_operation
from .value import Layout, Value

UNARY = {
    "Abs": "Abs",
    "Absolute": "Abs",
    "Ceil": "Ceil",
    "Cos": "Cos",
    "Erf": "Erf",
    "Exp": "Exp",
    "Floor": "Floor",
    "Log": "Log",
    "Negative": "Neg",
    "Reciprocal": "Reciprocal",
    "Sign": "Sign",
    "Sin": "Sin",
    "Sqrt": "Sqrt",
    "Tanh": "Tanh",
}


@converts_operation(*UNARY)
def element_by_element(call: Call) -> Value:
    return unary(call, lambda x: call.node(UNARY[type(call.operation).__name__], [x]))


@converts_operation("Square")
def square(call: Call) -> Value:
    return unary(call, lambda x: call.node("Mul", [x, x]))


@converts_operation("Rsqrt")
def rsqrt(call: Call) -> Value:
    return unary(call, lambda x: call.node("Reciprocal", [call.node("Sqrt", [x])]))


@converts_operation("Clip")
def clip_operation(call: Call) -> Value:
    low, high = call.operation.x_min, call.operation.x_max
    return unary(call, lambda x: clip(call, x, float(low), float(high)))


@converts_operation("LogicalNot")
def logical_not(call: Call) -> Value:
    return call.value(call.node("Not", [operand(call, call.inputs[0], "bool", "keras", call.inputs[0].rank)]))


@converts_operation("Cast")
def cast(call: Call) -> Value:
    source, (_, dtype) = call.inputs[0], call.outputs[0]
    layout: Layout = "channels_first" if source.channels_first else "keras"
    return call.value(call.cast(source.name(layout), source.dtype, dtype), layout)


@converts_operation("StopGradient", "Copy")
def nothing(call: Call) -> Value:
    return call.inputs[0]


def axes_of(call: Call, axis: Any, rank: int) -> list[int]:
    if axis is None:
        return list(range(rank))
    return [one % rank for one in (axis if isinstance(axis, (list, tuple)) else [axis])]


@converts_operation("Mean", "Max", "Min", "Amax", "Amin", "Prod", "Sum")
def reduction(call: Call) -> Value:
    """Stays channels first where the input is, and only spatial axes are reduced."""
    source, operation = call.inputs[0], call.operation
    if getattr(operation, "initial", None) is not None:
        raise call.unsupported("the argument `initial`")
    axes, keep = axes_of(call, operation.axis, source.rank), bool(operation.keepdims)
    name = type(operation).__name__.removeprefix("A").capitalize()
    spatial = set(axes) == set(range(1, source.rank - 1)) and source.channels_first
    x = source.name("channels_first" if spatial else "keras")
    if spatial:
        axes = [axis + 1 for axis in axes]
    x = call.cast(x, source.dtype, call.outputs[0][1])
    if name == "Sum":  # ReduceSum takes its axes as an input since opset 13; the others only since 18
        y = call.node("ReduceSum", [x, call.constant(axes, "int64")], keepdims=int(keep))
    else:
        y = call.node(f"Reduce{name}", [x], axes=axes, keepdims=int(keep))
    return call.value(y, "channels_first" if spatial and keep else "keras")


@converts_operation("Argmax", "Argmin")
def arg_reduction(call: Call) -> Value:
    operation = call.operation
    if operation.axis is None:
        raise call.unsupported("no axis")
    op = {"Argmax": "ArgMax", "Argmin": "ArgMin"}[type(operation).__name__]
    y = call.node(op, [call.inputs[0].name()], axis=operation.axis, keepdims=int(operation.keepdims))
    return call.value(call.cast(y, "int64", call.outputs[0][1]))


@converts_operation("Matmul")
def matmul(call: Call) -> Value:
    dtype = call.outputs[0][1]
    sides = [call.argument(0, "x1"), call.argument(1, "x2")]
    return call.value(call.node("MatMul", [operand(call, side, dtype, "keras", -1) for side in sides]))


@converts_operation("Einsum")
def einsum(call: Call) -> Value:
    dtype = call.outputs[0][1]
    sources = call.args[1:] if call.args and isinstance(call.args[0], str) else call.args
    names = [operand(call, source, dtype, "keras", -1) for source in sources]
    return call.value(call.node("Einsum", names, equation=call.operation.subscripts.replace(" ", "")))


def sizes_of(call: Call, sizes: Sequence[Any]) -> str:
    """A target shape as a constant. At most one size may be free."""
    free = sum(size is None or (isinstance(size, int) and size == -1) for size in sizes)
    if free > 1 or not all(size is None or isinstance(size, (int, np.integer)) for size in sizes):
        raise call.unsupported(f"the shape {tuple(sizes)}; at most one size may be free, written -1")
    return call.constant([-1 if size is None else size for size in sizes], "int64")


@converts_operation("Reshape")
def reshape(call: Call) -> Value:
    sizes = call.operation.newshape
    sizes = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
    source = call.inputs[0]
    if sizes and sizes[0] is None and source.shape[0] is None:
        sizes[0] = 0  # 0 keeps the batch size
        return call.value(call.node("Reshape", [source.name(), sizes_of(call, sizes)]))
    return call.value(call.node("Reshape", [source.name(), sizes_of(call, sizes)]))


@converts_operation("Transpose")
def transpose(call: Call) -> Value:
    source = call.inputs[0]
    axes = call.operation.axes
    order = list(range(source.rank))[::-1] if axes is None else [axis % source.rank for axis in axes]
    return call.value(call.node("Transpose", [source.name()], perm=order))


@converts_operation("Swapaxes")
def swap_axes(call: Call) -> Value:
    source, order = call.inputs[0], list(range(call.inputs[0].rank))
    one, two = call.operation.axis1, call.operation.axis2
    order[one], order[two] = order[two], order[one]
    return call.value(call.node("Transpose", [source.name()], perm=order))


@converts_operation("ExpandDims")
def expand_dims(call: Call) -> Value:
    axis = call.operation.axis
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    return call.value(call.node("Unsqueeze", [call.inputs[0].name(), call.constant(axes, "int64")]))


@converts_operation("Squeeze")
def squeeze(call: Call) -> Value:
    source, axis = call.inputs[0], call.operation.axis
    if axis is None:
        axis = [index for index, size in enumerate(source.shape) if size == 1]
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    return call.value(call.node("Squeeze", [source.name(), call.constant(axes, "int64")]))


@converts_operation("Stack")
def stack(call: Call) -> Value:
    axis = call.operation.axis
    axis %= call.inputs[0].rank + 1
    where = call.constant([axis], "int64")
    dtype = call.outputs[0][1]
    names = [call.cast(v.name(), v.dtype, dtype) for v in call.inputs]
    return call.value(call.node("Concat", [call.node("Unsqueeze", [n, where]) for n in names], axis=axis))


@converts_operation("Split")
def split(call: Call) -> list[Value]:
    source, operation = call.inputs[0], call.operation
    parts, axis = operation.indices_or_sections, operation.axis % source.rank
    size = source.shape[axis]
    if size is None:
        raise call.unsupported("splitting a free size")
    cuts = [size // parts * index for index in range(1, parts)] if isinstance(parts, int) else list(parts)
    sizes = np.diff([0, *cuts, size]).tolist()
    names = call.graph.nodes_of(
        "Split", [source.name(), call.constant(sizes, "int64")], call.where, len(sizes), axis=axis
    )
    return [call.value(name, index=index) for index, name in enumerate(names)]


@converts_operation("Tile")
def tile(call: Call) -> Value:
    source, repeats = call.inputs[0], call.operation.repeats
    repeats = [repeats] if isinstance(repeats, int) else list(repeats)
    repeats = [1] * (source.rank - len(repeats)) + repeats
    if len(repeats) > source.rank:
        raise call.unsupported("more repeats than axes")
    return call.value(call.node("Tile", [source.name(), call.constant(repeats, "int64")]))


@converts_operation("Take")
def take(call: Call) -> Value:
    axis = call.operation.axis
    if axis is None:
        raise call.unsupported("no axis")
    source, rows = call.argument(0, "x"), call.argument(1, "indices")
    names = [
        source.name() if isinstance(source, Value) else call.constant(np.asarray(source), call.outputs[0][1]),
        operand(call, rows, "int64", "keras", -1),
    ]
    return call.value(call.node("Gather", names, axis=axis))


@converts_operation("GetItem")
def get_item(call: Call) -> Value:
    """Slices with constant ends, whole numbers, None and Ellipsis."""
    source, key = call.inputs[0], call.argument(1, "key")
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        missing = source.rank - sum(k is not None for k in keys) + 1
        keys[at : at + 1] = [slice(None)] * missing
    cuts: list[list[int]] = []  # [start, end, axis, step] each
    gone: list[int] = []
    new: list[int] = []
    axis = place = 0
    far = 2**31 - 1
    for one in keys:
        if one is None:
            new.append(place)
            place += 1
            continue
        if isinstance(one, (int, np.integer)):
            cuts.append([int(one), int(one) + 1 if one != -1 else far, axis, 1])
            gone.append(axis)
        elif isinstance(one, slice) and all(
            end is None or isinstance(end, (int, np.integer)) for end in (one.start, one.stop, one.step)
        ):
            step = one.step or 1
            start = one.start if one.start is not None else (0 if step > 0 else far)
            end = one.stop if one.stop is not None else (far if step > 0 else -far)
            if (start, end, step) != (0, far, 1):
                cuts.append([start, end, axis, step])
            place += 1
        else:
            raise call.unsupported(f"the index {one!r}; whole numbers and slices have conversions")
        axis += 1
    y = source.name()
    if cuts:
        columns = zip(*cuts, strict=True)
        y = call.node("Slice", [y, *(call.constant(column, "int64") for column in columns)])
    if gone:
        y = call.node("Squeeze", [y, call.constant(gone, "int64")])
    if new:
        y = call.node("Unsqueeze", [y, call.constant(new, "int64")])
    return call.value(y)
