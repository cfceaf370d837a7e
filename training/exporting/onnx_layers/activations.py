"""Activations: as layers, as a layer's `activation` argument, and as keras.ops functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .registry import Call, converts, converts_operation
from .value import Layout, Value

Write = Callable[[Call, str, int], str]  # (call, input name, channel axis) -> output name


def simple(op: str, **attributes: Any) -> Write:
    """An activation that is one ONNX node."""
    return lambda call, x, axis: call.node(op, [x], **attributes)


def along(op: str) -> Write:
    """An activation that is one ONNX node along the channel axis."""
    return lambda call, x, axis: call.node(op, [x], axis=axis)


def clip(call: Call, x: str, low: float | None, high: float | None) -> str:
    bounds = ["" if bound is None else call.constant(bound) for bound in (low, high)]
    return call.node("Clip", [x, *bounds] if bounds[1] else [x, bounds[0]])


def gelu_exact(call: Call, x: str, axis: int = -1) -> str:
    erf = call.node("Erf", [call.node("Mul", [x, call.constant(1 / math.sqrt(2))])])
    half = call.node("Mul", [x, call.constant(0.5)])
    return call.node("Mul", [half, call.node("Add", [erf, call.constant(1.0)])])


def gelu_tanh(call: Call, x: str, axis: int = -1) -> str:
    """x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): Hendrycks and Gimpel 2016, section 2."""
    cube = call.node("Mul", [call.node("Mul", [x, x]), x])
    inner = call.node("Add", [x, call.node("Mul", [cube, call.constant(0.044715)])])
    tanh = call.node("Tanh", [call.node("Mul", [inner, call.constant(math.sqrt(2 / math.pi))])])
    half = call.node("Mul", [x, call.constant(0.5)])
    return call.node("Mul", [half, call.node("Add", [tanh, call.constant(1.0)])])


def silu(call: Call, x: str, axis: int = -1) -> str:
    return call.node("Mul", [x, call.node("Sigmoid", [x])])


def hard_silu(call: Call, x: str, axis: int = -1) -> str:
    return call.node("Mul", [x, call.node("HardSigmoid", [x], alpha=1 / 6, beta=0.5)])


def mish(call: Call, x: str, axis: int = -1) -> str:
    return call.node("Mul", [x, call.node("Tanh", [call.node("Softplus", [x])])])


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """clip(x / 5 + 1/2, 0, 1), as Keras 1 and 2 have it; Keras 3's own has the slope 1/6."""
    import keras

    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


FUNCTIONS: dict[str, Write] = {
    "elu": simple("Elu"),
    "exponential": simple("Exp"),
    "gelu": gelu_exact,
    "hard_sigmoid": simple("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_sigmoid_of_keras_2": simple("HardSigmoid", alpha=0.2, beta=0.5),
    "hard_silu": hard_silu,
    "leaky_relu": simple("LeakyRelu", alpha=0.2),
    "linear": lambda call, x, axis: x,
    "log_softmax": along("LogSoftmax"),
    "mish": mish,
    "relu": simple("Relu"),
    "relu6": lambda call, x, axis: clip(call, x, 0.0, 6.0),
    "selu": simple("Selu"),
    "sigmoid": simple("Sigmoid"),
    "silu": silu,
    "softmax": along("Softmax"),
    "softplus": simple("Softplus"),
    "softsign": simple("Softsign"),
    "tanh": simple("Tanh"),
}


def activate(call: Call, x: str, activation: Any, layout: Layout, rank: int) -> str:
    """Append a layer's own activation function to its output `x`."""
    name = getattr(activation, "__name__", type(activation).__name__)
    if activation is None:
        return x
    if name not in FUNCTIONS:
        raise call.unsupported(f"activation {name!r} has no conversion; use one of {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name](call, x, 1 if layout == "channels_first" else rank - 1)


def unary(call: Call, write: Callable[[str], str]) -> Value:
    """An element-by-element function; its output has the layout of its input."""
    source = call.inputs[0]
    layout: Layout = "channels_first" if source.channels_first else "keras"
    x = call.cast(source.name(layout), source.dtype, call.outputs[0][1])
    return call.value(write(x), layout)


@converts("Activation")
def activation(call: Call) -> Value:
    source = call.inputs[0]
    layout: Layout = "channels_first" if source.channels_first else "keras"
    function = call.operation.activation
    return call.value(activate(call, source.name(layout), function, layout, source.rank), layout)


@converts("ReLU")
def relu(call: Call) -> Value:
    layer = call.operation
    if float(layer.threshold):
        raise call.unsupported(f"threshold {layer.threshold}; only 0 has a conversion")
    slope, top = float(layer.negative_slope), layer.max_value

    def write(x: str) -> str:
        if slope:
            x = call.node("LeakyRelu", [x], alpha=slope)
            return x if top is None else clip(call, x, None, float(top))
        return call.node("Relu", [x]) if top is None else clip(call, x, 0.0, float(top))

    return unary(call, write)


@converts("LeakyReLU")
def leaky_relu(call: Call) -> Value:
    return unary(call, lambda x: call.node("LeakyRelu", [x], alpha=float(call.operation.negative_slope)))


@converts("ELU")
def elu(call: Call) -> Value:
    return unary(call, lambda x: call.node("Elu", [x], alpha=float(call.operation.alpha)))


@converts("PReLU")
def prelu(call: Call) -> Value:
    # [1 or size, ...], channels last, without the batch axis.
    slopes = call.weight(call.operation.alpha, "alpha")
    return call.value(call.node("PRelu", [call.inputs[0].name(), slopes]))


@converts("Softmax", masks=True)
def softmax_layer(call: Call) -> Value:
    axis = call.operation.axis
    if not isinstance(axis, int):
        if len(axis) != 1:
            raise call.unsupported(f"softmax over the axes {axis}; only one axis has a conversion")
        axis = axis[0]
    x = call.inputs[0].name()
    if call.mask is None:
        return call.value(call.node("Softmax", [x], axis=axis))
    mask = call.cast(call.mask.name(), call.mask.dtype, "bool")
    kept = call.node("Where", [mask, x, call.constant(-1e9)])
    shares = call.node("Softmax", [kept], axis=axis)
    return call.value(call.node("Where", [mask, shares, call.constant(0.0)]))


@converts_operation("Softmax", "LogSoftmax")
def softmax_operation(call: Call) -> Value:
    axis = call.operation.axis
    if not isinstance(axis, int):
        raise call.unsupported(f"softmax over axis {axis!r}; one axis has a conversion")
    return call.value(call.node(type(call.operation).__name__, [call.inputs[0].name()], axis=axis))


def _operation(class_name: str, function: str) -> None:
    @converts_operation(class_name)
    def convert(call: Call) -> Value:
        return unary(call, lambda x: FUNCTIONS[function](call, x, -1))


for _class, _function in {
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "Mish": "mish",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
}.items():
    _operation(_class, _function)


@converts_operation("Gelu")
def gelu_operation(call: Call) -> Value:
    return unary(call, lambda x: (gelu_tanh if call.operation.approximate else gelu_exact)(call, x))


@converts_operation("LeakyRelu")
def leaky_relu_operation(call: Call) -> Value:
    return unary(call, lambda x: call.node("LeakyRelu", [x], alpha=float(call.operation.negative_slope)))


@converts_operation("Elu")
def elu_operation(call: Call) -> Value:
    return unary(call, lambda x: call.node("Elu", [x], alpha=float(call.operation.alpha)))
