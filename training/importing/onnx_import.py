"""`asksight import onnx`: an ONNX model of a photo and a question, in one graph or two, as a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from ..errors import ImportSpecError
from ..exporting.onnx_layers.onnx_file import LARGEST_BYTES
from .asked_words import asked_words
from .graph_split import run_graph
from .input_choice import ModelInput, choose_inputs, question_size
from .spec import Spec
from .two_inputs import Given, Imported, photo_layout, write_imported

STANDARD = ("", "ai.onnx")  # domains of ONNX' own operators
LEAST_OPSET = 13  # since then, axes are inputs, as in what is written around the graph
DTYPES = {"float32", "int32", "int64"}


def import_onnx(
    paths: Sequence[Path],
    spec: Spec,
    out: Path,
    *,
    name: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Write a bundle of one graph or two. Raises ImportSpecError and BundleError; then `out` is as it was."""
    if len(paths) > 2:
        raise ImportSpecError(
            f"{len(paths)} graphs are given; one is allowed, or an encoder and an answerer."
        )
    say("Reading the graph")
    graphs = [read_graph(path) for path in paths]
    whole, encoder = graphs[-1], graphs[0] if len(graphs) == 2 else None
    if len(whole.graph.output) != 1:
        raise ImportSpecError(
            f"{paths[-1]} has {len(whole.graph.output)} outputs; one is allowed: the scores of the answers."
        )
    entry, features = _encoder(encoder, paths[0], spec)
    photo, question = choose_inputs(_inputs(whole), spec, features=features)
    size, dimension = question_size(question, spec.question)
    asked = asked_words(spec.question, size=size, dimension=dimension)
    output = whole.graph.output[0].name
    given = Given(
        graph=whole,
        photo=photo.name,
        photo_shape=tuple(size or 0 for size in photo.shape),
        question=question.name,
        question_dtype=question.dtype,
        output=output,
        at_the_end=False,
        answers=_answers(whole, photo.name, question.name, output, encoder, spec, entry),
        layout=photo_layout((entry or photo).shape, spec.image, repr((entry or photo).name)),
        encoder=encoder,
        encoder_input="" if entry is None else entry.name,
        source={"source": "onnx", "file": ", ".join(path.name for path in paths)},
    )
    say("Comparing it with the bundle")
    return write_imported(given, spec, asked, out, name=name or spec.name or paths[-1].stem)


def read_graph(path: Path) -> onnx.ModelProto:
    """A checked ONNX model with its weights, which may lie beside it in its folder. Raises ImportSpecError."""
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ImportSpecError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # protobuf's own kinds
        raise ImportSpecError(f"{path} is no ONNX model.") from error
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            beside = path.parent / entry.value
            if entry.key == "location" and path.parent.resolve() not in beside.resolve().parents:
                raise ImportSpecError(
                    f"{path} takes weights from {entry.value!r}; only files inside its own folder are read."
                )
    custom = sorted(
        {f"{node.domain}.{node.op_type}" for node in _all_nodes(model) if node.domain not in STANDARD}
    )
    if custom or model.functions:
        seen = ", ".join(custom[:5]) or "functions"
        raise ImportSpecError(
            f"{path} has operators that are not ONNX' own ({seen}); only its own can be served."
        )
    opset = next((one.version for one in model.opset_import if one.domain in STANDARD), 0)
    if opset < LEAST_OPSET:
        raise ImportSpecError(
            f"{path} is of opset {opset}; {LEAST_OPSET} or newer is allowed. Export it anew, or convert it by "
            "onnx.version_converter."
        )
    try:
        onnx.checker.check_model(path)
        loaded = onnx.load(path)
    except Exception as error:  # onnx.checker raises kinds of its own
        reason = " ".join(str(error).split())[:300]
        raise ImportSpecError(f"{path} is no valid ONNX model: {reason}") from error
    if loaded.ByteSize() > LARGEST_BYTES:
        raise ImportSpecError(f"{path} takes {loaded.ByteSize()} bytes; {LARGEST_BYTES} are allowed.")
    return loaded


def _all_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    found: list[onnx.NodeProto] = []
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        for node in graph.node:
            found.append(node)
            for attribute in node.attribute:
                waiting += [one for one in (attribute.g, *attribute.graphs) if one.node]
    return found


def _inputs(model: onnx.ModelProto) -> list[ModelInput]:
    """Those that are no weights. Raises ImportSpecError for a batch of a fixed size, and for other dtypes."""
    weights = {tensor.name for tensor in model.graph.initializer}
    found = []
    for one in model.graph.input:
        if one.name in weights:
            continue
        sizes = one.type.tensor_type.shape.dim
        dtype = helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type).name
        shape = tuple(size.dim_value if size.HasField("dim_value") else None for size in sizes)
        if not shape or shape[0] is not None:
            raise ImportSpecError(
                f"{one.name!r} has the shape {list(shape)}; its first axis, the batch, must be free. Export it so "
                "(PyTorch: dynamic_axes)."
            )
        if dtype not in DTYPES:
            raise ImportSpecError(f"{one.name!r} is {dtype}; {', '.join(sorted(DTYPES))} are allowed.")
        found.append(ModelInput(one.name, shape[1:], dtype))
    return found


def _encoder(
    encoder: onnx.ModelProto | None, path: Path, spec: Spec
) -> tuple[ModelInput | None, tuple[int | None, ...] | None]:
    """An encoder's input, and the shape of its features."""
    if encoder is None:
        return None, None
    inputs = _inputs(encoder)
    if (
        len(inputs) != 1
        or len(encoder.graph.output) != 1
        or len(inputs[0].shape) != 3
        or inputs[0].dtype != "float32"
    ):
        raise ImportSpecError(
            f"{path} must take one photo [N, height, width, 3] float32 and give its features."
        )
    (entry,) = inputs
    height, width, channels_first = photo_layout(entry.shape, spec.image, str(path))
    probe = np.zeros((1, *((3, height, width) if channels_first else (height, width, 3))), np.float32)
    (made,) = run_graph(encoder, {entry.name: probe}, [encoder.graph.output[0].name])
    return entry, made.shape[1:]


def _answers(
    whole: onnx.ModelProto,
    photo: str,
    question: str,
    output: str,
    encoder: onnx.ModelProto | None,
    spec: Spec,
    entry: ModelInput | None,
) -> Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]:
    def answers(photos: NDArray[Any], questions: NDArray[Any]) -> NDArray[Any]:
        if encoder is not None and entry is not None:
            (photos,) = run_graph(encoder, {entry.name: photos}, [encoder.graph.output[0].name])
        (scores,) = run_graph(whole, {photo: photos, question: questions}, [output])
        return scores

    return answers
