"""Writes an ONNX model with its weights one by one, so that a large model is never in memory twice.

A protobuf message is a sequence of fields, and each weight is one field of the graph, so that it can be appended to
the file (encoding: https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper

from .graph import Graph
from .lazy_weight import LazyWeight, numbers

OPSET = 17  # LayerNormalization needs 17; TensorRT 8.6 and OpenVINO support it
IR_VERSION = 8  # of the release with opset 17; onnxruntime, OpenVINO and TensorRT 8.6 support it
LARGEST_BYTES = 1_900_000_000  # of one file; protobuf's limit is 2 GiB
SMALL = 1024  # bytes; constants up to this size are part of the checked model


@dataclass(frozen=True)
class OnnxFile:
    """A model without its weights, and the weights by name; lazy ones are read when they are written."""

    frame: onnx.ModelProto
    weights: Mapping[str, NDArray[Any] | LazyWeight]

    @classmethod
    def of(
        cls,
        graph: Graph,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> OnnxFile:
        """That of a finished graph, checked. Raises the errors of onnx.checker."""
        frame = helper.make_model(
            helper.make_graph(graph.nodes, name, inputs, outputs),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="asksight",
        )
        file = cls(frame, graph.weights)
        file.check()
        return file

    def check(self) -> None:
        """Run onnx.checker with strict shape inference; large weights become graph inputs, so that they are not copied.

        Raises the errors of onnx.checker.
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
        """The model with its weights, in memory."""
        whole = onnx.ModelProto()
        whole.CopyFrom(self.frame)
        for name, array in self.weights.items():
            whole.graph.initializer.append(_tensor(name, array, numbers(array).tobytes()))
        return whole

    def write(self, path: Path) -> None:
        """Write the model with its weights to one file."""
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
    """The encoded field of one weight, up to where its numbers begin."""
    tensor = _tensor(name, array).SerializeToString()
    tensor += _field(onnx.TensorProto.RAW_DATA_FIELD_NUMBER, array.nbytes)
    return _field(onnx.GraphProto.INITIALIZER_FIELD_NUMBER, len(tensor) + array.nbytes) + tensor


def _field(number: int, size: int) -> bytes:
    """The tag and length that precede a field of `size` bytes."""
    return _varint(number << 3 | 2) + _varint(size)


def _varint(number: int) -> bytes:
    """A number in protobuf's encoding: seven bits in each byte, lowest first; the top bit marks that more follow."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
