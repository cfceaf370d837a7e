"""A graph of two inputs cut in two: what depends on the photo alone, as late as possible, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose, helper

from ..errors import ImportSpecError

SCORES = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
BUNDLE_NAMES = {"image", "question", "lengths", "features", "logits"}  # of what both halves take and give
APART = "model/"  # before the names of a model that has one of these


@dataclass(frozen=True)
class Cut:
    """The nodes of both halves in order, and the tensors that the first hands to the second."""

    photo: list[onnx.NodeProto]
    answer: list[onnx.NodeProto]
    crossing: list[str]


def apart(model: onnx.ModelProto) -> tuple[onnx.ModelProto, str]:
    """The model, or, where one of its tensors is called as a bundle's are, a copy with a prefix before all names.

    And the prefix, which may be empty.
    """
    graph = model.graph
    names = {one.name for one in graph.input} | {one.name for one in graph.initializer}
    if BUNDLE_NAMES.isdisjoint(names.union(*(node.output for node in graph.node))):
        return model, ""
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    weights = {one.name: APART + one.name for one in graph.initializer}  # inner graphs read them too
    compose.add_prefix_graph(copied.graph, APART, inplace=True, name_map=weights)
    return copied, APART


def reads(node: onnx.NodeProto) -> set[str]:
    """The tensors that a node needs, those that its inner graphs take from outside included."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            made = {name for inner in graph.node for name in inner.output}
            made |= {tensor.name for tensor in graph.initializer} | {one.name for one in graph.input}
            names |= {name for inner in graph.node for name in reads(inner)} - made
            names |= {one.name for one in graph.output} - made
    return names


def cut_graph(nodes: Sequence[onnx.NodeProto], photo: str, question: str, output: str) -> Cut:
    """Cut where the question comes in. Raises ImportSpecError where the output does not depend on both."""
    needed = needed_nodes(nodes, [output])
    of_photo, of_question = {photo}, {question}
    for node in needed:
        names = reads(node)
        for known in (of_photo, of_question):
            if names & known:
                known.update(name for name in node.output if name)
    for name, known, what in ((photo, of_photo, "photo"), (question, of_question, "question")):
        if output not in known:
            raise ImportSpecError(f"The answer does not depend on {name!r}, which should be the {what}.")
    alone = of_photo - of_question
    answer = [node for node in needed if not set(node.output) & alone]
    wanted = {name for node in answer for name in reads(node)}
    made = [photo, *(name for node in needed for name in node.output)]
    crossing = [name for name in made if name in alone and name in wanted]
    answer = [node for node in answer if set(node.output) & (of_question | _fed(answer, of_question))]
    return Cut(needed_nodes(nodes, crossing), answer, crossing)


def _fed(nodes: Sequence[onnx.NodeProto], known: set[str]) -> set[str]:
    """What nodes that depend on neither input make for those that do."""
    needed = {name for node in nodes if set(node.output) & known for name in reads(node)}
    for node in reversed(nodes):
        if needed & set(node.output):
            needed |= reads(node)
    return needed


def needed_nodes(nodes: Sequence[onnx.NodeProto], outputs: Iterable[str]) -> list[onnx.NodeProto]:
    """Those of the nodes, in order, that some outputs need."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed & set(node.output):
            needed |= reads(node)
            kept.append(node)
    return kept[::-1]


def without_scores(nodes: Sequence[onnx.NodeProto], output: str) -> tuple[str, str | None]:
    """The tensor before a graph's last softmax or sigmoid, and which it was; the output itself and None without one."""
    made = {name: node for node in nodes for name in node.output}
    node = made.get(output)
    while node is not None and node.op_type == "Identity":
        node = made.get(node.input[0])
    if node is None or node.op_type not in SCORES:
        return output, None
    axis = next((one.i for one in node.attribute if one.name == "axis"), -1)
    if node.op_type == "Softmax" and axis not in (-1, 1):
        return output, None
    return node.input[0], SCORES[node.op_type]


def crossing_shapes(
    graph: onnx.ModelProto, names: Sequence[str], photos: NDArray[np.float32], input_name: str
) -> list[tuple[int, ...]]:
    """Shapes, without the batch, of what the photo's half hands on; found by running it on two photos.

    Raises ImportSpecError where something is not a float32 tensor with a row a photo.
    """
    found = run_graph(graph, {input_name: photos}, names)
    for name, array in zip(names, found, strict=True):
        if array.dtype != np.float32 or array.ndim < 2 or len(array) != len(photos):
            seen = f"{array.dtype} {list(array.shape)} of {len(photos)} photos"
            raise ImportSpecError(
                f"The graph cannot be cut at {name.split('/out/')[-1]!r}: {seen}, where float32 with a row a photo is "
                "allowed. A question that needs the photos' number or shape keeps the halves together: take these from "
                "the question in the model, and export it again."
            )
    return [array.shape[1:] for array in found]


def run_graph(
    graph: onnx.ModelProto, feeds: dict[str, NDArray[np.float32]], names: Sequence[str]
) -> list[NDArray[np.float32]]:
    """Run an ONNX graph by ONNX Runtime, as the server would. Raises ImportSpecError with the reason in one line."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found: list[NDArray[np.float32]] = session.run(list(names), feeds)
    except Exception as error:  # ONNX Runtime raises many kinds of its own
        reason = " ".join(str(error).split())[:300]
        raise ImportSpecError(f"ONNX Runtime cannot run the model: {reason}") from error
    return found


def as_model(
    like: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    constants: Iterable[onnx.TensorProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    name: str,
) -> onnx.ModelProto:
    """Nodes as a model of the opset of `like`, with those of its weights and of `constants` that they read."""
    wanted = {name for node in nodes for name in reads(node)}
    weights = [one for one in (*like.graph.initializer, *constants) if one.name in wanted]
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), weights)
    sparse = [one for one in like.graph.sparse_initializer if one.values.name in wanted]
    graph.sparse_initializer.extend(sparse)
    return helper.make_model(
        graph,
        opset_imports=list(like.opset_import),
        functions=list(like.functions),
        ir_version=like.ir_version,
        producer_name="asksight",
    )
