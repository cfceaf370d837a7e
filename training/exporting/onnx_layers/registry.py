"""The converter of each Keras layer and operation, and the information that a converter gets.

Register a conversion for your own layer as follows:

    @converts("Twice")
    def twice(call: Call) -> Value:
        return call.value(call.node("Mul", [call.inputs[0].name(), call.constant(2.0)]))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ExportError
from .graph import ONNX_TYPES, Graph
from .value import Layout, Value


@dataclass(kw_only=True)
class Call:
    """One call of a layer or operation in the Keras graph; its tensors are replaced by `Value`s."""

    graph: Graph
    operation: Any  # keras.Operation; a layer is one
    where: str  # path in the model, as in "encoder/conv2d_3"
    args: tuple[Any, ...]  # positional arguments of the call, each tensor as a Value
    kwargs: dict[str, Any]
    inputs: list[Value]  # all values in args and kwargs, in order
    outputs: list[tuple[tuple[int | None, ...], str]]  # (shape, dtype) of each output
    mask: Value | None = None  # the mask that Keras would pass to this layer

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        """The argument of the call at position `index`, or with the keyword `name`."""
        return self.args[index] if index < len(self.args) else self.kwargs.get(name, default)

    def value(
        self,
        name: str,
        layout: Layout = "keras",
        *,
        index: int = 0,
        shape: tuple[int | None, ...] | None = None,
    ) -> Value:
        """The value of output `index` of this call, which the graph has in `layout` under `name`."""
        out_shape, dtype = self.outputs[index]
        return Value(
            graph=self.graph,
            shape=out_shape if shape is None else shape,
            dtype=dtype,
            where=self.where,
            names={layout: name},
            birth=layout,
        )

    def node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Append a node named after this call, and return its output's name."""
        return self.graph.node(op, inputs, self.where, **attributes)

    def constant(self, values: Any, dtype: str = "float32") -> str:
        return self.graph.constant(values, dtype)

    def weight(
        self, variable: Any, purpose: str, change: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    ) -> str:
        """A Keras variable as an initialiser; `change` may transpose or reorder it."""

        def make() -> NDArray[Any]:
            array = array_of(variable)
            return array if change is None else change(array)

        self.graph.keep(variable)
        return self.graph.weight((id(variable), purpose), f"{self.where}/{purpose}", make)

    def cast(self, name: str, seen: str, wanted: str) -> str:
        """The tensor `name`, of dtype `seen`, as dtype `wanted`; no node is written where both are the same in ONNX."""
        if ONNX_TYPES[seen] == ONNX_TYPES[wanted]:
            return name
        return self.node("Cast", [name], to=ONNX_TYPES[wanted])

    def unsupported(self, what: str) -> ExportError:
        """The error for an option without conversion; it names the layer's path and class."""
        return ExportError(
            f"{self.where} ({type(self.operation).__name__}) cannot be exported to ONNX: {what}."
        )


def array_of(variable: Any) -> NDArray[Any]:
    """A Keras variable as an array, without a copy where the backend gives access to its memory."""
    value = getattr(variable, "value", variable)
    tensor = value.read_value() if hasattr(value, "read_value") else value  # TensorFlow keeps a tf.Variable
    try:
        return np.asarray(memoryview(tensor))
    except (TypeError, ValueError, BufferError):  # no accessible memory, or a dtype without a buffer format
        return np.asarray(tensor)


Result = Value | list[Value]
Converter = Callable[[Call], Result]
_layers: dict[str, tuple[Converter, bool]] = {}
_operations: dict[str, Converter] = {}


def converts(*class_names: str, masks: bool = False) -> Callable[[Converter], Converter]:
    """Register a converter for Keras layers by class name; `masks`: it uses `call.mask` itself."""

    def register(converter: Converter) -> Converter:
        for name in class_names:
            _layers[name] = (converter, masks)
        return converter

    return register


def converts_operation(*class_names: str) -> Callable[[Converter], Converter]:
    """Register a converter for keras.ops functions by the class name of their Operation."""

    def register(converter: Converter) -> Converter:
        for name in class_names:
            _operations[name] = converter
        return converter

    return register


def layer_converter(class_name: str) -> tuple[Converter, bool] | None:
    """The converter of a layer, and whether it uses masks."""
    return _layers.get(class_name)


def operation_converter(class_name: str) -> Converter | None:
    return _operations.get(class_name)
