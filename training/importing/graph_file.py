"""A finished graph as a checked ONNX model."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import helper

from ..errors import CheckpointError
from ..exporting.onnx_layers.graph import ONNX_TYPES, Graph
from ..exporting.onnx_layers.onnx_file import LARGEST_BYTES, OnnxFile

Tensor = tuple[str, str, tuple[int | str, ...]]  # name, dtype, shape with the names of free axes


def finished(
    graph: Graph, name: str, inputs: Sequence[Tensor], outputs: Sequence[tuple[str, Tensor]]
) -> OnnxFile:
    """The model; `outputs` are each the tensor's name in the graph, and what it is to be.

    Raises CheckpointError where the weights are too large for one file.
    """
    graph.finish([(made, wish) for made, (wish, _, _) in outputs])
    size = sum(weight.nbytes for weight in graph.weights.values())
    if size > LARGEST_BYTES:
        raise CheckpointError(
            f"The weights of the {name} take {size} bytes in float32; one ONNX file holds {LARGEST_BYTES}. "
            "Take a smaller model."
        )
    given = [_info(tensor) for _, tensor in outputs]
    return OnnxFile.of(graph, name, [_info(tensor) for tensor in inputs], given)


def _info(tensor: Tensor) -> onnx.ValueInfoProto:
    name, dtype, shape = tensor
    return helper.make_tensor_value_info(name, ONNX_TYPES[dtype], list(shape))
