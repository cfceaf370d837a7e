"""Batch, layer, group and unit normalisation, at inference."""

from __future__ import annotations

import numpy as np

from .registry import Call, array_of, converts
from .value import Value


@converts("BatchNormalization")
def batch_normalisation(call: Call) -> Value:
    """With the moving mean and variance: BatchNormalization for channels first, else a Mul and an Add.

    Engines merge it with the Conv before it.
    """
    layer, source = call.operation, call.inputs[0]
    if layer.axis not in (-1, source.rank - 1):
        raise call.unsupported(f"axis {layer.axis}; only the last axis has a conversion")
    size = int(source.shape[-1] or 0)
    if source.channels_first:
        parameters = [
            call.weight(layer.gamma, "gamma") if layer.scale else call.constant(np.ones(size)),
            call.weight(layer.beta, "beta") if layer.center else call.constant(np.zeros(size)),
            call.weight(layer.moving_mean, "mean"),
            call.weight(layer.moving_variance, "variance"),
        ]
        x = source.name("channels_first")
        y = call.node("BatchNormalization", [x, *parameters], epsilon=float(layer.epsilon))
        return call.value(y, "channels_first")
    gamma = array_of(layer.gamma) if layer.scale else np.ones(size, np.float32)
    beta = array_of(layer.beta) if layer.center else np.zeros(size, np.float32)
    factor = gamma / np.sqrt(array_of(layer.moving_variance) + layer.epsilon)
    y = call.node("Mul", [source.name(), call.constant(factor)])
    return call.value(call.node("Add", [y, call.constant(beta - array_of(layer.moving_mean) * factor)]))


@converts("Normalization")
def normalisation(call: Call) -> Value:
    """(x - mean) / max(deviation, 1e-7), with the mean and deviation that `adapt` measured on a data set."""
    layer = call.operation
    if layer.invert:
        raise call.unsupported("invert=True")
    factor = 1 / np.maximum(np.sqrt(np.asarray(layer.variance)), 1e-7)
    y = call.node("Sub", [call.inputs[0].name(), call.constant(np.asarray(layer.mean))])
    return call.value(call.node("Mul", [y, call.constant(factor)]))


@converts("LayerNormalization")
def layer_normalisation(call: Call) -> Value:
    layer, source = call.operation, call.inputs[0]
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    axes = sorted(axis % source.rank for axis in axes)
    if axes != list(range(axes[0], source.rank)):
        raise call.unsupported(f"axis {layer.axis}; only the last axes have a conversion")
    sizes = [size for size in source.shape[axes[0] :] if size is not None]
    if len(sizes) < len(axes):
        raise call.unsupported("normalising over a free size")
    gamma = call.weight(layer.gamma, "gamma") if layer.scale else call.constant(np.ones(sizes))
    names = [source.name(), gamma]
    if layer.center:
        names.append(call.weight(layer.beta, "beta"))
    return call.value(call.node("LayerNormalization", names, axis=axes[0], epsilon=float(layer.epsilon)))


@converts("GroupNormalization")
def group_normalisation(call: Call) -> Value:
    """InstanceNormalization over [N, groups, rest], then gamma and beta.

    ONNX has GroupNormalization only from opset 18.
    """
    layer, source = call.operation, call.inputs[0]
    if layer.axis not in (-1, source.rank - 1):
        raise call.unsupported(f"axis {layer.axis}; only the last axis has a conversion")
    size = int(source.shape[-1] or 0)
    groups = size if layer.groups == -1 else layer.groups
    x = source.name("channels_first")
    parted = call.node("Reshape", [x, call.constant([0, groups, -1], "int64")])
    ones, zeros = call.constant(np.ones(groups)), call.constant(np.zeros(groups))
    y = call.node("InstanceNormalization", [parted, ones, zeros], epsilon=float(layer.epsilon))
    sizes = [0, size, *source.shape[1:-1]]
    known = all(size is not None for size in sizes)
    shape = call.constant(sizes, "int64") if known else call.node("Shape", [x])
    y = call.node("Reshape", [y, shape])
    tail = (1,) * (source.rank - 2)
    for op, variable, purpose in (
        ("Mul", layer.gamma if layer.scale else None, "gamma"),
        ("Add", layer.beta if layer.center else None, "beta"),
    ):
        if variable is not None:
            y = call.node(op, [y, call.weight(variable, purpose, lambda array: array.reshape(-1, *tail))])
    return call.value(y, "channels_first")


@converts("UnitNormalization")
def unit_normalisation(call: Call) -> Value:
    """x / max(|x|, 1e-6) along one axis; the floor is that of Keras' L2 normalisation."""
    axis = call.operation.axis
    if not isinstance(axis, int) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, int):
        raise call.unsupported(f"axis {axis}; only one axis has a conversion")
    x = call.inputs[0].name()
    squares = call.node("ReduceSum", [call.node("Mul", [x, x]), call.constant([axis], "int64")], keepdims=1)
    floor = call.node("Max", [squares, call.constant(1e-12)])
    return call.value(call.node("Div", [x, call.node("Sqrt", [floor])]))
