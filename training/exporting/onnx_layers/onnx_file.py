"""An ONNX model whose weights are written one by one, so that a large one is never in memory a second time.

Protocol Buffers allow it: a message is its fields one after the other, and each weight is one field of the graph
(encoding: https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper

from .lazy_weight import LazyWeight, numbers

SMALL = 1024  # bytes: constants up to here are part of what is checked


@dataclass(frozen=True)
class OnnxFile:
    """The model without its weights, and the weights by name; lazy ones are read when they are written."""

    frame: onnx.ModelProto
    weights: Mapping[str, NDArray[Any] | LazyWeight]

    def check(self) -> None:
        """onnx.checker with strict shape inference; large weights stand in as graph inputs, to spare a copy.

        Raises what onnx.checker raises.
        """
        light = onnx.ModelProto()
        light.CopyFrom(self.frame)
        for name, array in self.weights.items():
            if array.nbytes <= SMALL:
                light.graph.initializer.append(_tensor(name, array, numbers(array).tobytes()))
            else:
                dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
                light.graph.input.append(helper.make_tensor_value_info(name, dtype, array.shape))
        onnx.checker.check_model(light, full_check=True)

    def proto(self) -> onnx.ModelProto:
        """The whole model in memory."""
        whole = onnx.ModelProto()
        whole.CopyFrom(self.frame)
        for name, array in self.weights.items():
            whole.graph.initializer.append(_tensor(name, array, numbers(array).tobytes()))
        return whole

    def write(self, path: Path) -> None:
        """The whole model as one file."""
        outer = onnx.ModelProto()
        outer.CopyFrom(self.frame)
        outer.ClearField("graph")
        graph = self.frame.graph.SerializeToString()
        heads = [(_weight_head(name, array), array) for name, array in self.weights.items()]
        size = len(graph) + sum(len(head) + array.nbytes for head, array in heads)
        with path.open("wb") as file:
            file.write(outer.SerializeToString())
            file.write(_field(onnx.ModelProto.GRAPH_FIELD_NUMBER, size) + graph)
            for head, array in heads:
                file.write(head)
                file.write(numbers(array).astype(array.dtype.newbyteorder("<"), copy=False).data)


def _tensor(name: str, array: NDArray[Any] | LazyWeight, raw: bytes = b"") -> onnx.TensorProto:
    dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = onnx.TensorProto(name=name, dims=array.shape, data_type=dtype)
    if raw:
        tensor.raw_data = raw
    return tensor


def _weight_head(name: str, array: NDArray[Any] | LazyWeight) -> bytes:
    """Everything of one weight but its numbers, as a field of the graph."""
    tensor = _tensor(name, array).SerializeToString()
    tensor += _field(onnx.TensorProto.RAW_DATA_FIELD_NUMBER, array.nbytes)
    return _field(onnx.GraphProto.INITIALIZER_FIELD_NUMBER, len(tensor) + array.nbytes) + tensor


def _field(number: int, size: int) -> bytes:
    """What stands before a field of `size` bytes."""
    return _varint(number << 3 | 2) + _varint(size)


def _varint(number: int) -> bytes:
    """Seven bits a byte, lowest first; the top bit says that more follow."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
