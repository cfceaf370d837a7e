"""Convolutions (plain, depthwise and separable, in one to three dimensions), and Rescaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import activate
from .registry import Call, converts
from .value import Layout, Value


def padding(
    call: Call,
    mode: str,
    sizes: Sequence[int | None],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> dict[str, Any]:
    """TensorFlow's "same", "valid" and "causal" as ONNX attributes.

    "same" gives ceil(size / stride) outputs; where the padding is odd, the extra pixel is at the end. Explicit
    pads are written wherever they can be computed, since engines disagree about auto_pad with dilation.
    """
    if mode == "valid":
        return {}
    if mode == "causal":
        return {"pads": [*(d * (k - 1) for k, d in zip(kernel, dilation, strict=True)), *(0 for _ in kernel)]}
    totals = []
    for size, k, stride, d in zip(sizes, kernel, strides, dilation, strict=True):
        reach = d * (k - 1) + 1
        if stride == 1:
            totals.append(reach - 1)
        elif size is not None:
            totals.append(max((-(-size // stride) - 1) * stride + reach - size, 0))
        elif d == 1:
            return {"auto_pad": "SAME_UPPER"}
        else:
            raise call.unsupported("padding 'same' with strides and dilation on a free size")
    return {"pads": [total // 2 for total in totals] + [total - total // 2 for total in totals]}


def check_layout(call: Call) -> None:
    """Only channels-last models are converted (TensorFlow on a CPU runs no others)."""
    if call.operation.data_format != "channels_last":
        raise call.unsupported("data_format 'channels_first'; build the model with 'channels_last'")


def first(kernel: NDArray[Any]) -> NDArray[Any]:
    """[k..., in, out] -> [out, in, k...]"""
    rank = kernel.ndim
    return kernel.transpose(rank - 1, rank - 2, *range(rank - 2))


def depthwise(kernel: NDArray[Any]) -> NDArray[Any]:
    """[k..., in, multiplier] -> [in * multiplier, 1, k...]"""
    rank = kernel.ndim
    moved = kernel.transpose(rank - 2, rank - 1, *range(rank - 2))
    return np.ascontiguousarray(moved).reshape(-1, 1, *kernel.shape[:-2])


@converts("Conv1D", "Conv2D", "Conv3D")
def convolution(call: Call) -> Value:
    check_layout(call)
    layer, source = call.operation, call.inputs[0]
    weights = [call.weight(layer.kernel, "kernel", first)]
    if layer.use_bias:
        weights.append(call.weight(layer.bias, "bias"))
    y = call.node(
        "Conv",
        [source.name("channels_first"), *weights],
        strides=layer.strides,
        dilations=layer.dilation_rate,
        group=layer.groups,
        kernel_shape=layer.kernel_size,
        **padding(
            call, layer.padding, source.shape[1:-1], layer.kernel_size, layer.strides, layer.dilation_rate
        ),
    )
    return call.value(activate(call, y, layer.activation, "channels_first", source.rank), "channels_first")


def depthwise_node(call: Call, kernel: Any, purpose: str, bias: Any = None) -> str:
    layer, source = call.operation, call.inputs[0]
    strides, dilation = layer.strides, layer.dilation_rate
    weights = [call.weight(kernel, purpose, depthwise)]
    if bias is not None:
        weights.append(call.weight(bias, "bias"))
    return call.node(
        "Conv",
        [source.name("channels_first"), *weights],
        strides=strides,
        dilations=dilation,
        group=source.shape[-1],
        kernel_shape=layer.kernel_size,
        **padding(call, layer.padding, source.shape[1:-1], layer.kernel_size, strides, dilation),
    )


@converts("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_convolution(call: Call) -> Value:
    check_layout(call)
    layer = call.operation
    y = depthwise_node(call, layer.kernel, "kernel", layer.bias if layer.use_bias else None)
    y = activate(call, y, layer.activation, "channels_first", call.inputs[0].rank)
    return call.value(y, "channels_first")


@converts("SeparableConv1D", "SeparableConv2D")
def separable_convolution(call: Call) -> Value:
    check_layout(call)
    layer = call.operation
    y = depthwise_node(call, layer.depthwise_kernel, "depthwise_kernel")
    weights = [call.weight(layer.pointwise_kernel, "pointwise_kernel", first)]
    if layer.use_bias:
        weights.append(call.weight(layer.bias, "bias"))
    y = call.node("Conv", [y, *weights])
    y = activate(call, y, layer.activation, "channels_first", call.inputs[0].rank)
    return call.value(y, "channels_first")


@converts("Rescaling")
def rescaling(call: Call) -> Value:
    """x * scale + offset, each of them one number for all channels or one for each channel."""
    source, layer = call.inputs[0], call.operation
    layout: Layout = "channels_first" if source.channels_first else "keras"
    tail = (1,) * (source.rank - 2) if layout == "channels_first" else ()

    def operand(numbers: Any) -> str:
        array = np.asarray(numbers, np.float32)
        return call.constant(array.reshape(-1, *tail) if array.ndim else array)

    y = call.cast(source.name(layout), source.dtype, "float32")
    if np.any(np.asarray(layer.scale) != 1):
        y = call.node("Mul", [y, operand(layer.scale)])
    if np.any(np.asarray(layer.offset) != 0):
        y = call.node("Add", [y, operand(layer.offset)])
    return call.value(y, layout)
