"""A float32 graph in float16, with float32 inputs and outputs; layers that float16 cannot hold stay float32.

So do nodes whose doc_string says "float32".

float16 ends at 65504; beyond it is infinity, and behind that NaN. Which layers get there is found by running the
float32 graph on samples and looking at every number between its layers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..base import Arrays
from ..errors import EngineError

LARGEST = 65504.0
MARGIN = 4.0  # samples do not show the largest number there will ever be
EXACT = "float32"  # the doc_string of a node that is to stay so, since few digits are too few where it is


def half_graph(model: onnx.ModelProto, samples: Sequence[Arrays]) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The graph in float16 and the names of the nodes that stay float32; `model` itself may be used up.

    `samples` are batches of the graph's inputs. Raises EngineError where the graph cannot be converted or run.
    """
    names_for_all(model)
    # The converter puts its casts between kinds of layers only where it knows the types.
    model = onnx.shape_inference.infer_shapes(model)
    kept = (
        *beyond_half(model, samples),
        *(node.name for node in model.graph.node if node.doc_string == EXACT),
    )
    try:
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise EngineError(
            f"{error.name} is not installed, which float16 needs. Run: pip install onnx"
        ) from error
    logging.getLogger("onnxruntime.transformers.float16").setLevel(logging.ERROR)
    try:
        half = convert_float_to_float16(
            model, keep_io_types=True, node_block_list=list(kept), disable_shape_infer=True
        )
    except Exception as error:  # of the converter's own kinds
        raise EngineError(f"The graph cannot be made float16: {' '.join(str(error).split())}.") from error
    _join(half, kept)
    return half, kept


def _join(half: onnx.ModelProto, kept: tuple[str, ...]) -> None:
    """Let kept layers hand on float32 to each other: the converter puts float16 between them all the same."""
    graph = half.graph
    floats = {name for node in graph.node if node.name in kept for name in node.output}
    narrowed = {
        node.output[0]: node.input[0]
        for node in graph.node
        if _casts_to(node, TensorProto.FLOAT16) and node.input[0] in floats
    }
    widened = {
        node.output[0]: narrowed[node.input[0]]
        for node in graph.node
        if _casts_to(node, TensorProto.FLOAT) and node.input[0] in narrowed
    }
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = widened.get(name, name)


def _casts_to(node: onnx.NodeProto, kind: int) -> bool:
    return node.op_type == "Cast" and any(one.name == "to" and one.i == kind for one in node.attribute)


def names_for_all(model: onnx.ModelProto) -> None:
    """Give each node a name, which ONNX leaves free and by which nodes are kept."""
    for place, node in enumerate(model.graph.node):
        if not node.name:
            node.name = f"{node.op_type}_{place}"


def beyond_half(model: onnx.ModelProto, samples: Sequence[Arrays]) -> tuple[str, ...]:
    """The names of nodes that give, take or hold numbers too large for float16, in order."""
    largest = {
        weight.name: float(np.abs(numpy_helper.to_array(weight)).max())
        for weight in model.graph.initializer
        if weight.data_type == TensorProto.FLOAT and weight.dims and 0 not in weight.dims
    }
    largest |= _largest_between(model, samples) if samples else {}
    too_large = {name for name, value in largest.items() if not value * MARGIN <= LARGEST}
    return tuple(
        node.name for node in model.graph.node if too_large & {*node.input, *node.output} and node.name
    )


def _largest_between(model: onnx.ModelProto, samples: Sequence[Arrays]) -> dict[str, float]:
    """The largest size of a number in each float tensor between nodes, whose types have been inferred.

    Only that leaves the run, not the tensors.
    """
    import onnxruntime

    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    floats = {
        value.name
        for value in model.graph.value_info
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    probes = {}
    for name in sorted(floats):
        probe = f"{name}/largest"
        probed.graph.node.append(helper.make_node("Abs", [name], [f"{name}/abs"]))
        probed.graph.node.append(helper.make_node("ReduceMax", [f"{name}/abs"], [probe], keepdims=0))
        probed.graph.output.append(helper.make_tensor_value_info(probe, TensorProto.FLOAT, []))
        probes[probe] = name
    try:
        session = onnxruntime.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
        found: dict[str, float] = {}
        for batch in samples:
            results = session.run(list(probes), dict(batch))
            for probe, value in zip(probes, results, strict=True):
                name = probes[probe]
                found[name] = max(found.get(name, 0.0), float(value))
    except Exception as error:  # ONNX Runtime's own, which share no other base class
        raise EngineError(
            f"The graph cannot be run to find its largest numbers: {' '.join(str(error).split())}."
        ) from error
    return found
