"""Small servable bundles of schema 2, of random weights: one that spells, as BLIP does, and a joint one, as ViLT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from bundles import CELL, constants, model
from onnx import NodeProto, TensorProto, helper

from asksight.engine import Bundle, Calibration, write_bundle
from asksight.engine.bundle import Card, Figure, Source, Spelling, WordPieces

PIECES = (
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "what", "is", "the", "colour", "color", "of", "this", "?", "red", "re", "##d",
    "blue", "traffic", "light", "un", "##answer", "##able", "it", "'", "s", "a", "dog", "##s", "how", "many", "2",
)  # fmt: skip
WIDTH = 6  # numbers of a piece
PATCHES, CHANNELS = 16, 5  # features of a picture of 32 px, in cells of 8
HIDDEN = 12
# What the answerer can spell; two of them are the same text.
SPELLINGS = (
    ("red",),
    ("re", "##d"),
    ("blue",),
    ("traffic", "light"),
    ("un", "##answer", "##able"),
    ("it", "'", "s", "a", "dog"),
    ("dog", "##s"),
    ("2",),
)
BEAMS, LONGEST = 4, 6
LABELS = ("yes", "no", "red", "blue", "2", "traffic light")
CUT = WordPieces(first=2, last=3, unknown=1)
MADE_BY = Source(
    repository="somebody/small-vqa",
    revision="1f2e3d",
    licence="Apache-2.0",
    sha256="0" * 64,
    figure=Figure(value=71.3, metric="VQA accuracy in percent", conditions="VQA v2, test-dev"),
)
ABOUT = Card(
    trained_on=("VQA v2, COCO photos",), figures=("71.3 % on VQA v2",), not_for=("reading medicine labels",)
)
UNCALIBRATED = Calibration(scores="sequence", calibrated=False)


def write_spelled_bundle(path: Path, *, seed: int = 0, **changes: Any) -> Bundle:
    """Photos of 32 px → [16, 5]; answers are the four likeliest of SPELLINGS. `changes` are for `write_bundle`."""
    random = np.random.default_rng(seed)
    given: dict[str, Any] = {
        "encoder": patch_encoder(random),
        "answerer": spelling_answerer(random),
        "vectors": random.normal(size=(len(PIECES), WIDTH)).astype(np.float32),
        "words": PIECES,
        "name": "spelled",
        "version": "1",
        "architecture": "random speller",
        "preprocessing": {"resize": "stretch", "resample": "bicubic", "color_order": "rgb"},
        "max_tokens": 8,
        "pieces": CUT,
        "spelling": Spelling(beams=BEAMS, pieces=LONGEST, stop=PIECES.index("[SEP]")),
        "unanswerable": "unanswerable",
        "calibration": UNCALIBRATED,
        "source": MADE_BY,
        "card": ABOUT,
    }
    return write_bundle(path, **given | changes)


def write_joint_bundle(path: Path, *, seed: int = 0, **changes: Any) -> Bundle:
    """Photos of several shapes on a canvas of 40 px, in patches of 8, with their mask in the features [25, 4]."""
    random = np.random.default_rng(seed)
    given: dict[str, Any] = {
        "encoder": grid_encoder(),
        "answerer": joint_answerer(random),
        "vectors": random.normal(size=(len(PIECES), WIDTH)).astype(np.float32),
        "words": PIECES,
        "answers": LABELS,
        "name": "joint",
        "version": "1",
        "architecture": "random joint",
        "preprocessing": SHORTEST,
        "max_tokens": 8,
        "pieces": CUT,
        "calibration": Calibration(scores="sigmoid"),
    }
    return write_bundle(path, **given | changes)


SHORTEST: Mapping[str, Any] = {
    "resize": "shortest",
    "resample": "bicubic",
    "color_order": "rgb",
    "shortest": 24,
    "longest": 41,
    "multiple": CELL,
    "shrink_first": False,
}
CANVAS = 40


def patch_encoder(random: np.random.Generator) -> bytes:
    """image [N, 32, 32, 3] uint8 → features [N, 16, 5]: averages of cells, mixed."""
    weights = constants(
        mix=random.normal(size=(3, CHANNELS)).astype(np.float32) * 3, flat=np.array([0, PATCHES, 3], np.int64)
    )
    nodes = [
        *_cells(),
        helper.make_node("Reshape", ["columns", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "mix"], ["mixed"]),
        helper.make_node("Tanh", ["mixed"], ["features"]),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 32, 32, 3])]
    outputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", PATCHES, CHANNELS])]
    return model(nodes, inputs, outputs, [*weights, *_scale()])


def grid_encoder() -> bytes:
    """image [N, 40, 40, 3] uint8 and grid [N, 2] → features [N, 25, 4]: averages of cells, and whose they are."""
    side = CANVAS // CELL
    weights = constants(
        flat=np.array([0, side * side, 3], np.int64),
        flat_mask=np.array([0, side * side, 1], np.int64),
        row=np.arange(side, dtype=np.int32).reshape(1, side, 1),
        column=np.arange(side, dtype=np.int32).reshape(1, 1, side),
        first=np.array([0], np.int64),
        second=np.array([1], np.int64),
        third=np.array([2], np.int64),
    )
    nodes = [
        *_cells(),
        helper.make_node("Reshape", ["columns", "flat"], ["patches"]),
        helper.make_node("Slice", ["grid", "first", "second", "second"], ["tall"]),
        helper.make_node("Slice", ["grid", "second", "third", "second"], ["wide"]),
        helper.make_node("Unsqueeze", ["tall", "third"], ["tall_one"]),
        helper.make_node("Unsqueeze", ["wide", "third"], ["wide_one"]),
        helper.make_node("Less", ["row", "tall_one"], ["above"]),
        helper.make_node("Less", ["column", "wide_one"], ["left"]),
        helper.make_node("And", ["above", "left"], ["inside"]),
        helper.make_node("Cast", ["inside"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["ones", "flat_mask"], ["mask"]),
        helper.make_node("Concat", ["patches", "mask"], ["features"], axis=2),
    ]
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", CANVAS, CANVAS, 3]),
        helper.make_tensor_value_info("grid", TensorProto.INT32, ["N", 2]),
    ]
    outputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", side * side, 4])]
    return model(nodes, inputs, outputs, [*weights, *_scale()])


def spelling_answerer(random: np.random.Generator) -> bytes:
    """The four likeliest of SPELLINGS, each with its log-probability spread evenly over its pieces."""
    stop = PIECES.index("[SEP]")
    tokens = np.zeros((len(SPELLINGS), LONGEST), np.int32)
    shares = np.zeros((len(SPELLINGS), LONGEST), np.float32)
    for row, spelling in enumerate(SPELLINGS):
        tokens[row, : len(spelling)] = [PIECES.index(piece) for piece in spelling]
        tokens[row, len(spelling)] = stop
        shares[row, : len(spelling) + 1] = 1 / (len(spelling) + 1)
    weights = constants(
        out=random.normal(size=(HIDDEN, len(SPELLINGS))).astype(np.float32),
        tokens_of=tokens,
        shares_of=shares,
        beams=np.array([BEAMS], np.int64),
        behind=np.array([2], np.int64),
    )
    nodes = [
        helper.make_node("ReduceMean", ["features"], ["shown"], axes=[1], keepdims=0),
        *_both(),
        helper.make_node("MatMul", ["bounded", "out"], ["scores"]),
        helper.make_node("LogSoftmax", ["scores"], ["chances"], axis=1),
        helper.make_node("TopK", ["chances", "beams"], ["best", "places"], axis=1),
        helper.make_node("Gather", ["tokens_of", "places"], ["tokens"]),
        helper.make_node("Gather", ["shares_of", "places"], ["shares"]),
        helper.make_node("Unsqueeze", ["best", "behind"], ["each"]),
        helper.make_node("Mul", ["each", "shares"], ["log_probabilities"]),
    ]
    shape: list[str | int | None] = ["N", BEAMS, LONGEST]
    outputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT32, shape),
        helper.make_tensor_value_info("log_probabilities", TensorProto.FLOAT, shape),
    ]
    return model(nodes, _asked(PATCHES, CHANNELS), outputs, [*weights, *_mixing(random, CHANNELS)])


def joint_answerer(random: np.random.Generator) -> bytes:
    """logits [N, 6] of the question and of the patches that the mask lets through."""
    patches = (CANVAS // CELL) ** 2
    weights = constants(
        out=random.normal(size=(HIDDEN, len(LABELS))).astype(np.float32) * 2,
        start=np.array([0], np.int64),
        end=np.array([3], np.int64),
        stop=np.array([4], np.int64),
        axis=np.array([2], np.int64),
        patch_axis=np.array([1], np.int64),
    )
    nodes = [
        helper.make_node("Slice", ["features", "start", "end", "axis"], ["colours"]),
        helper.make_node("Slice", ["features", "end", "stop", "axis"], ["valid"]),
        helper.make_node("Mul", ["colours", "valid"], ["seen_colours"]),
        helper.make_node("ReduceSum", ["seen_colours", "patch_axis"], ["all_colours"], keepdims=0),
        helper.make_node("ReduceSum", ["valid", "patch_axis"], ["count"], keepdims=0),
        helper.make_node("Div", ["all_colours", "count"], ["shown"]),
        *_both(),
        helper.make_node("MatMul", ["bounded", "out"], ["logits"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(LABELS)])]
    return model(nodes, _asked(patches, 4), outputs, [*weights, *_mixing(random, 3)])


def _cells() -> list[NodeProto]:
    """image → columns [N, h, w, 3]: the average of each cell, -1 to 1."""
    return [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "middle"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]
        ),
        helper.make_node("Transpose", ["cells"], ["columns"], perm=[0, 2, 3, 1]),
    ]


def _scale() -> list[TensorProto]:
    return constants(scale=np.float32(2 / 255), middle=np.float32(1.0))


def _asked(patches: int, channels: int) -> list[Any]:
    return [
        helper.make_tensor_value_info("question", TensorProto.FLOAT, ["N", "T", WIDTH]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", patches, channels]),
    ]


def _both() -> list[NodeProto]:
    """question, lengths and shown [N, c] → bounded [N, 12]; padding is not seen."""
    return [
        helper.make_node("Shape", ["question"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["count_of_tokens"]),
        helper.make_node("Range", ["zero", "count_of_tokens", "one"], ["places_of_tokens"]),
        helper.make_node("Cast", ["lengths"], ["long"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["long", "length_axis"], ["length"]),
        helper.make_node("Less", ["places_of_tokens", "length"], ["read"]),
        helper.make_node("Cast", ["read"], ["reading"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["reading", "word_axis"], ["readings"]),
        helper.make_node("Mul", ["question", "readings"], ["words"]),
        helper.make_node("ReduceSum", ["words", "token_axis"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["sum", "of_words"], ["asked"]),
        helper.make_node("MatMul", ["shown", "of_photo"], ["pictured"]),
        helper.make_node("Mul", ["asked", "pictured"], ["both"]),
        helper.make_node("Tanh", ["both"], ["bounded"]),
    ]


def _mixing(random: np.random.Generator, channels: int) -> list[TensorProto]:
    return constants(
        of_words=random.normal(size=(WIDTH, HIDDEN)).astype(np.float32),
        of_photo=random.normal(size=(channels, HIDDEN)).astype(np.float32) * 2,
        zero=np.int64(0),
        one=np.int64(1),
        length_axis=np.array([1], np.int64),
        token_axis=np.array([1], np.int64),
        word_axis=np.array([2], np.int64),
    )
