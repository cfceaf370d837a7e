"""Pooling over windows, and over all positions."""

from __future__ import annotations

from .convolution import check_layout, padding
from .masks import lengths_of
from .registry import Call, converts
from .value import Layout, Value


def windows(call: Call, op: str) -> Value:
    check_layout(call)
    layer, source = call.operation, call.inputs[0]
    y = call.node(
        op,
        [source.name("channels_first")],
        kernel_shape=layer.pool_size,
        strides=layer.strides,
        **padding(
            call,
            layer.padding,
            source.shape[1:-1],
            layer.pool_size,
            layer.strides,
            (1,) * len(layer.pool_size),
        ),
    )
    return call.value(y, "channels_first")


@converts("MaxPooling1D", "MaxPooling2D", "MaxPooling3D")
def max_pooling(call: Call) -> Value:
    return windows(call, "MaxPool")


@converts("AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def average_pooling(call: Call) -> Value:
    """By default ONNX, like TensorFlow, does not count the padding."""
    return windows(call, "AveragePool")


@converts("GlobalAveragePooling2D", "GlobalAveragePooling3D")
def global_average(call: Call) -> Value:
    return everything(call, "ReduceMean")


@converts("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D")
def global_max(call: Call) -> Value:
    return everything(call, "ReduceMax")


@converts("GlobalAveragePooling1D", masks=True)
def global_average_steps(call: Call) -> Value:
    """The mean over the steps; with a mask, over the steps before each length."""
    if call.mask is None:
        return everything(call, "ReduceMean")
    check_layout(call)
    if lengths_of(call.mask) is None:
        raise call.unsupported("a mask that does not come from a LengthMask layer")
    axis = call.constant([1], "int64")
    weights = call.node("Cast", [call.mask.name()], to=1)
    weights = call.node("Unsqueeze", [weights, call.constant([2], "int64")])
    kept = call.node("Mul", [call.inputs[0].name(), weights])
    total = call.node("ReduceSum", [kept, axis], keepdims=int(call.operation.keepdims))
    count = call.node("ReduceSum", [weights, axis], keepdims=int(call.operation.keepdims))
    return call.value(call.node("Div", [total, count]))


def everything(call: Call, op: str) -> Value:
    """Pool over all spatial axes. A channels-first input is not transposed."""
    check_layout(call)
    source, keep = call.inputs[0], bool(call.operation.keepdims)
    layout: Layout = "channels_first" if source.channels_first else "keras"
    axes = list(range(2, source.rank)) if layout == "channels_first" else list(range(1, source.rank - 1))
    y = call.node(op, [source.name(layout)], axes=axes, keepdims=int(keep))
    return call.value(y, layout if keep else "keras")
