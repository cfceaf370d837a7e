"""Recurrent layers without `sequence_lens`, for engines that read it wrongly.

OpenVINO 2026.4 takes ONNX's `sequence_lens` with free axes and computes the padded steps all the same: no error, and
every second answer another one. Padding comes last, so a forward layer's steps are right without it, up to each length;
the last state is then the step before the length, and the steps behind it are zero, as ONNX has them.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..errors import EngineError

RECURRENT = ("LSTM", "GRU", "RNN")
SHAPED = ("Squeeze", "Transpose", "Identity")  # between one recurrent layer and the next
LENGTHS = 4  # the place of sequence_lens among a recurrent node's inputs


def without_sequence_lens(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite the model in place, giving the same outputs; it is returned.

    Raises EngineError for a layer that reads backwards, where padding would come first.
    """
    graph = model.graph
    taken = [node for node in graph.node if node.op_type in RECURRENT and _lengths(node)]
    masks: dict[tuple[str, str], str] = {}
    for node in taken:
        direction = next((a.s.decode() for a in node.attribute if a.name == "direction"), "forward")
        if direction != "forward":
            raise EngineError(
                f"{node.name or node.op_type} reads {direction}; only forward layers can run here. "
                "Run this graph on onnxruntime."
            )
        _rewrite(graph, node, masks)
    return model


def _rewrite(graph: onnx.GraphProto, node: onnx.NodeProto, masks: dict[tuple[str, str], str]) -> None:
    lengths, steps = _lengths(node), node.output[0]
    enters_next = bool(steps) and _only_read_by_recurrent(graph, steps, lengths)
    state = node.output[1] if len(node.output) > 1 and _is_read(graph, node.output[1]) else ""
    cell = node.output[2] if len(node.output) > 2 else ""
    if cell and _is_read(graph, cell):
        raise EngineError(
            f"{node.name}: the last cell state of an LSTM is read, which has no steps. Run it on onnxruntime."
        )
    node.input[LENGTHS] = ""
    while node.input and not node.input[-1]:
        node.input.pop()
    at = list(graph.node).index(node) + 1
    raw = f"{node.output[0] or node.output[1]}/steps"
    node.output[0] = raw
    if state:
        node.output[1] = f"{state}/unread"
    new: list[onnx.NodeProto] = []
    if steps and enters_next:
        new.append(helper.make_node("Identity", [raw], [steps]))
    elif steps and _is_read(graph, steps):
        inside = _mask(graph, raw, lengths, "Less", masks, new)
        new.append(helper.make_node("Mul", [raw, inside], [steps]))
    if state:
        last = _mask(graph, raw, lengths, "Equal", masks, new)
        new.append(helper.make_node("Mul", [raw, last], [f"{raw}/last"]))
        axis = _constant(graph, f"{raw}/first_axis", np.array([0], np.int64))
        new.append(helper.make_node("ReduceSum", [f"{raw}/last", axis], [state], keepdims=0))
    for offset, one in enumerate(new):
        graph.node.insert(at + offset, one)


def _mask(
    graph: onnx.GraphProto,
    steps: str,
    lengths: str,
    relation: str,
    masks: dict[tuple[str, str], str],
    new: list[onnx.NodeProto],
) -> str:
    """[T, 1, N, 1] float32: 1 where the step is before the length ("Less"), or the last such one ("Equal")."""
    if (lengths, relation) in masks:  # all layers of a question have the same steps
        return masks[lengths, relation]
    base = f"{steps}/{relation}"
    zero, one = (_constant(graph, f"{base}/{value}", np.int64(value)) for value in (0, 1))
    step_axes = _constant(graph, f"{base}/step_axes", np.array([1, 2, 3], np.int64))
    length_axes = _constant(graph, f"{base}/length_axes", np.array([0, 1, 3], np.int64))
    new += [
        helper.make_node("Shape", [steps], [f"{base}/shape"]),
        helper.make_node("Gather", [f"{base}/shape", zero], [f"{base}/count"]),
        helper.make_node("Range", [zero, f"{base}/count", one], [f"{base}/range"]),
        helper.make_node("Unsqueeze", [f"{base}/range", step_axes], [f"{base}/steps"]),
        helper.make_node("Cast", [lengths], [f"{base}/long"], to=TensorProto.INT64),
    ]
    bound = f"{base}/long"
    if relation == "Equal":
        new.append(helper.make_node("Sub", [bound, one], [f"{base}/before"]))
        bound = f"{base}/before"
    new += [
        helper.make_node("Unsqueeze", [bound, length_axes], [f"{base}/bound"]),
        helper.make_node(relation, [f"{base}/steps", f"{base}/bound"], [f"{base}/inside"]),
        helper.make_node("Cast", [f"{base}/inside"], [base], to=TensorProto.FLOAT),
    ]
    masks[lengths, relation] = base
    return base


def _constant(graph: onnx.GraphProto, name: str, value: np.ndarray | np.generic) -> str:
    graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return name


def _lengths(node: onnx.NodeProto) -> str:
    return node.input[LENGTHS] if len(node.input) > LENGTHS else ""


def _is_read(graph: onnx.GraphProto, name: str) -> bool:
    return any(name in node.input for node in graph.node) or any(name == out.name for out in graph.output)


def _only_read_by_recurrent(graph: onnx.GraphProto, name: str, lengths: str) -> bool:
    """Whether nothing sees a layer's padded steps but layers that stop at the same lengths."""
    readers = [node for node in graph.node if name in node.input]
    if not readers or any(name == out.name for out in graph.output):
        return False
    return all(
        # A layer that was rewritten already is before this one in the graph, so it reads nothing of it.
        (node.op_type in RECURRENT and _lengths(node) == lengths)
        or (node.op_type in SHAPED and _only_read_by_recurrent(graph, node.output[0], lengths))
        for node in readers
    )
