"""A model of two inputs, photo and question, as a bundle: cut in two, given its preprocessing, compared, written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from asksight.engine import Bundle, Calibration, EngineError, write_bundle
from asksight.engine.bundle.calibration import SIGMOID, SOFTMAX
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

from ..errors import ImportSpecError
from ..exporting.onnx_layers.graph import ONNX_TYPES
from .answer_file import read_answers
from .asked_words import AskedWords
from .graph_pieces import (
    PREFIX,
    Pieces,
    feature_pieces,
    flatten_pieces,
    photo_pieces,
    prepared_photos,
    question_pieces,
)
from .graph_split import apart, as_model, crossing_shapes, cut_graph, needed_nodes, without_scores
from .spec import ImageSpec, Spec

SAMPLES = 64  # random photos and questions, on which the bundle must answer as the model does
BATCH = 8
SMALLEST = 1e-37  # of a probability whose logarithm is taken; below it float32 has no normal numbers
Outputs = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Given:
    """The model, as it was read: its graph, which input is which, and what it answers by itself."""

    graph: onnx.ModelProto
    photo: str
    photo_shape: tuple[int, ...]  # without the batch, as the model takes it
    question: str
    question_dtype: str
    output: str
    at_the_end: bool  # pads must stand at the end, since the graph masks by lengths
    answers: Outputs  # (photos or features, questions) → the model's own output [N, A]
    layout: tuple[int, int, bool]  # of the photos: height, width, and whether the channels come first
    # Makes the features that the model takes instead of photos; a file brings its preprocessing along.
    encoder: onnx.ModelProto | Path | None = None
    encoder_input: str = ""
    source: Mapping[str, Any]  # for bundle.json's `training`


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The bundle, and how far it differed at most from the model in any probability."""

    bundle: Bundle
    largest_difference: float


def write_imported(
    given: Given, spec: Spec, asked: AskedWords, out: Path, *, name: str, seed: int = 0
) -> Imported:
    """Write the bundle `out`. Raises ImportSpecError and BundleError; then `out` is as it was."""
    given, answers = _apart(given), read_answers(spec.answers)
    logits, told = without_scores(given.graph.graph.node, given.output)
    scores = spec.answers.scores or told
    if scores is None or (told is not None and scores != told):
        raise ImportSpecError(
            f"The model's output ends in {told or 'neither softmax nor sigmoid'}; the spec says "
            f"{spec.answers.scores or 'nothing'}. answers.scores must say what the output is: softmax, sigmoid or "
            "logits."
        )
    photos = _photos(given, seed)
    encoder, crossing = _encoder(given, spec.image, photos[:2], logits)
    answerer = _answerer(given, asked, crossing, logits, scores if told is None else "logits", len(answers))
    calibration = Calibration(
        temperature=spec.answers.temperature,
        answered_threshold=0.5 if (least := spec.answers.answered_threshold) is None else least,
        unanswerable_threshold=spec.answers.unanswerable_threshold,
        scores=SIGMOID if scores == "sigmoid" else SOFTMAX,
        calibrated=spec.answers.answered_threshold is not None,
    )
    with tempfile.TemporaryDirectory(prefix="asksight-import-") as folder:
        graphs = [
            _saved(Path(folder), stage, graph)
            for stage, graph in (("encoder", encoder), ("answerer", answerer))
        ]
        difference = _compare(given, spec, asked, scores, photos, graphs, len(answers), seed)
        bundle = write_bundle(
            out,
            encoder=graphs[0],
            answerer=graphs[1],
            vectors=asked.vectors,
            words=asked.words,
            answers=answers,
            name=name,
            version=spec.version,
            architecture="imported",
            preprocessing={
                "resize": spec.image.resize,
                "resample": spec.image.resample,
                "color_order": spec.image.order,
            },
            lower=asked.lower,
            unknown_rows=asked.unknown_rows,
            max_tokens=asked.max_tokens,
            tokenizer=asked.rules,
            pieces=asked.pieces,
            unanswerable=spec.answers.unanswerable,
            calibration=calibration,
            training={**given.source, "largest_difference": difference},
        )
    return Imported(bundle=bundle, largest_difference=difference)


def photo_layout(shape: Sequence[int | None], spec: ImageSpec, name: str) -> tuple[int, int, bool]:
    """Height and width of the photos that an input of this shape takes, and whether the channels come first.

    Raises ImportSpecError where the size is not known, or another one than the spec says.
    """
    channels_first = shape[0] == 3 and shape[2] != 3
    sides = shape[1:] if channels_first else shape[:2]
    if spec.size is not None and any(
        side not in (None, said) for side, said in zip(sides, spec.size, strict=True)
    ):
        raise ImportSpecError(f"image.size is {list(spec.size)}; the model takes {list(sides)}.")
    height, width = spec.size or sides
    if height is None or width is None:
        raise ImportSpecError(f"{name} takes photos of any size: say image.size = [height, width].")
    return height, width, channels_first


def _apart(given: Given) -> Given:
    """The model, none of whose names is one that a bundle's graphs have for what they take and give."""
    graph, prefix = apart(given.graph)
    names = {key: prefix + getattr(given, key) for key in ("photo", "question", "output")}
    given = replace(given, graph=graph, **names)
    if isinstance(given.encoder, onnx.ModelProto):
        encoder, prefix = apart(given.encoder)
        given = replace(given, encoder=encoder, encoder_input=prefix + given.encoder_input)
    return given


def _photos(given: Given, seed: int) -> NDArray[np.uint8]:
    """Random photos [S,H,W,3], half of them of large patches."""
    height, width, _ = given.layout
    random = np.random.default_rng(seed)
    count = SAMPLES if given.encoder is None else BATCH
    photos = random.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    blocks = random.integers(0, 256, (count // 2, 4, 4, 3), dtype=np.uint8)
    photos[::2] = blocks[:, np.arange(height) * 4 // height][:, :, np.arange(width) * 4 // width]
    return photos


def _encoder(
    given: Given, spec: ImageSpec, photos: NDArray[np.uint8], logits: str
) -> tuple[onnx.ModelProto | Path, list[tuple[str, tuple[int, ...]]]]:
    """The photo's half, and the tensors with their shapes that it hands on."""
    if isinstance(given.encoder, Path):
        return given.encoder, [(given.photo, given.photo_shape)]
    height, width, channels_first = given.layout
    pieces = Pieces("photo")
    if given.encoder is None:
        cut = cut_graph(given.graph.graph.node, given.photo, given.question, logits)
        like, source, nodes, names = given.graph, given.photo, cut.photo, cut.crossing
        ready = prepared_photos(photos, spec, channels_first=channels_first)
        entry = helper.make_tensor_value_info(source, TensorProto.FLOAT, ["N", *ready.shape[1:]])
        ends = [helper.make_empty_tensor_value_info(f"{PREFIX}out/{name}") for name in names]
        copies = [helper.make_node("Identity", [name], [f"{PREFIX}out/{name}"]) for name in names]
        probe = as_model(like, [*nodes, *copies], (), [entry], ends, "probe")
        shapes = crossing_shapes(probe, [one.name for one in ends], ready, source)
    else:
        like, source = given.encoder, given.encoder_input
        names = [like.graph.output[0].name]
        nodes, shapes = needed_nodes(like.graph.node, names), [given.photo_shape]
    photo_pieces(pieces, spec, source, channels_first=channels_first)
    before = len(pieces.nodes)
    flatten_pieces(pieces, names)
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", height, width, 3])
    size = sum(int(np.prod(shape)) for shape in shapes)
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", size])
    whole = [*pieces.nodes[:before], *nodes, *pieces.nodes[before:]]
    encoder = as_model(like, whole, pieces.constants, [image], [features], "encoder")
    handed = [given.photo] if given.encoder is not None else names
    return encoder, list(zip(handed, shapes, strict=True))


def _answerer(
    given: Given,
    asked: AskedWords,
    crossing: Sequence[tuple[str, tuple[int, ...]]],
    logits: str,
    scores: str,
    answers: int,
) -> onnx.ModelProto:
    """The rest, from `question`, `lengths` and `features` to `logits`."""
    nodes = given.graph.graph.node
    if given.encoder is None:
        rest = cut_graph(nodes, given.photo, given.question, logits).answer
    else:
        rest = needed_nodes(nodes, [logits])
    pieces = Pieces("question")
    feature_pieces(pieces, crossing)
    question_pieces(
        pieces, asked, given.question, ONNX_TYPES[given.question_dtype], at_the_end=given.at_the_end
    )
    before = len(pieces.nodes)
    result = logits
    if scores != "logits":  # probabilities, and the graph does not end in what made them
        result = pieces.node("Max", result, pieces.constant(SMALLEST, np.float32))
        if scores == "sigmoid":
            rest_of_1 = pieces.node("Sub", pieces.constant(1, np.float32), logits)
            odds = pieces.node("Max", rest_of_1, pieces.constant(SMALLEST, np.float32))
            result = pieces.node("Div", result, odds)
        result = pieces.node("Log", result)
    pieces.node("Identity", result, name="logits")
    dimension = asked.vectors.shape[1]
    size = sum(int(np.prod(shape)) for _, shape in crossing)
    inputs = [
        helper.make_tensor_value_info("question", TensorProto.FLOAT, ["N", "T", dimension]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", size]),
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", answers])
    whole = [*pieces.nodes[:before], *rest, *pieces.nodes[before:]]
    return as_model(given.graph, whole, pieces.constants, inputs, [output], "answerer")


def _saved(folder: Path, stage: str, graph: onnx.ModelProto | Path) -> Path:
    if isinstance(graph, Path):
        return graph
    path = folder / f"{stage}.onnx"
    path.write_bytes(graph.SerializeToString())
    return path


def _compare(
    given: Given,
    spec: Spec,
    asked: AskedWords,
    scores: str,
    photos: NDArray[np.uint8],
    graphs: Sequence[Path],
    answers: int,
    seed: int,
) -> float:
    """The largest difference of a probability between the model and the bundle, on random photos and questions.

    Raises ImportSpecError where it is over the tolerance, or where a best answer differs that is not tied.
    """
    random = np.random.default_rng([seed, 1])
    most = min(asked.max_tokens, 2 * asked.size if asked.form in ("ids", "sequence") else 12)
    lengths = (np.arange(len(photos)) % (most + 1)).astype(np.int32)
    rows = [random.integers(0, len(asked.words), length).tolist() for length in lengths]
    ready: NDArray[np.float32] = photos.astype(np.float32)
    if not isinstance(given.encoder, Path):
        ready = prepared_photos(photos, spec.image, channels_first=given.layout[2])
    prepared = asked.prepared(rows).astype(given.question_dtype)
    wanted = given.answers(ready, prepared)
    if wanted.ndim != 2 or wanted.shape[1] != answers:
        raise ImportSpecError(
            f"The model gives {list(wanted.shape[1:])} scores a question; {answers} answers are listed, one a line."
        )
    question = np.zeros((len(rows), most, asked.vectors.shape[1]), np.float32)
    for place, one in enumerate(rows):
        question[place, : len(one)] = asked.vectors[one]
    try:
        with closing(OnnxRuntimeEngine(graphs[0], max_batch=BATCH)) as engine:
            parts = [photos[start : start + BATCH] for start in range(0, len(photos), BATCH)]
            features = np.concatenate([engine.infer({"image": part})["features"] for part in parts])
        with closing(OnnxRuntimeEngine(graphs[1], max_batch=len(photos))) as engine:
            asks = {"question": question, "lengths": lengths, "features": features}
            got = engine.infer(asks)["logits"]
    except EngineError as error:
        raise ImportSpecError(f"The bundle's graphs do not run: {error}") from error
    own = Calibration(scores=SIGMOID if scores == "sigmoid" else SOFTMAX).probabilities
    first = own(wanted) if scores == "logits" else np.asarray(wanted, np.float64)
    second = own(got)
    largest = float(np.abs(first - second).max())
    lost = first.max(axis=1) - first[np.arange(len(first)), second.argmax(axis=1)]
    changed = int((lost >= spec.tolerance).sum())
    if not largest <= spec.tolerance or changed:  # NaN is not less either
        raise ImportSpecError(
            f"The bundle does not answer as the model does: {changed} of {len(first)} best answers differ, and "
            f"probabilities by up to {largest:.2g}; {spec.tolerance:.0e} is allowed (bundle.tolerance)."
        )
    return largest
