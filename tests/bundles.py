"""Small servable bundles of random weights, whose answers do depend on photo and question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asksight.engine import Bundle, Calibration, write_bundle

ANSWERS = ("yes", "no", "red", "blue", "green", "1", "2", "circle", "square", "unanswerable")
WORDS = (
    "what",
    "is",
    "the",
    "a",
    "colour",
    "color",
    "shape",
    "how",
    "many",
    "red",
    "blue",
    "?",
    "this",
    "there",
)
FEATURES = 16
DIMENSION = 12
CELL = 8  # pixels that become one feature cell, a side
OPSETS = [helper.make_opsetid("", 17)]


def write_random_bundle(
    path: Path,
    *,
    answers: Sequence[str] = ANSWERS,
    seed: int = 0,
    side: int = 32,
    image_dtype: str = "uint8",
    name: str = "random",
    version: str = "1",
    unanswerable: str | None = "unanswerable",
    max_tokens: int = 30,
    calibration: Calibration = Calibration(),  # noqa: B008 - frozen
    skills: Sequence[str] = (),
) -> Bundle:
    """Pictures of side x side px (a multiple of 8), the words of WORDS, other words in two shared rows.

    Logits spread over several units, so that the best answer differs from question to question.
    """
    random = np.random.default_rng(seed)
    words = (*WORDS, "<unknown 0>", "<unknown 1>")
    return write_bundle(
        path,
        encoder=random_encoder(random, side=side, image_dtype=image_dtype),
        answerer=random_answerer(random, answers=len(answers)),
        vectors=random.normal(size=(len(words), DIMENSION)).astype(np.float16),
        words=words,
        answers=answers,
        name=name,
        version=version,
        architecture="random",
        preprocessing={"resize": "stretch", "resample": "bilinear", "color_order": "rgb"},
        unknown_rows=2,
        max_tokens=max_tokens,
        unanswerable=unanswerable if unanswerable in answers else None,
        calibration=calibration,
        skills=skills,
        training={"command": "random weights", "figures": {"exact": 0.0}},
    )


def random_encoder(random: np.random.Generator, *, side: int = 32, image_dtype: str = "uint8") -> bytes:
    """image [N, side, side, 3] → features [N, 16]: averages of cells, mixed, tanh."""
    cells = 3 * (side // CELL) ** 2
    weights = constants(
        mix=(random.normal(size=(cells, FEATURES)) * 8 / np.sqrt(cells)).astype(np.float32),
        scale=np.float32(1 / 255),
        middle=np.float32(0.5),
        flat=np.array([0, -1], np.int64),
    )
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "middle"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]
        ),
        helper.make_node("Reshape", ["cells", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "mix"], ["mixed"]),
        helper.make_node("Tanh", ["mixed"], ["features"]),
    ]
    kind = TensorProto.UINT8 if image_dtype == "uint8" else TensorProto.FLOAT
    return model(
        nodes,
        [helper.make_tensor_value_info("image", kind, ["N", side, side, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", FEATURES])],
        weights,
    )


def random_answerer(
    random: np.random.Generator,
    *,
    answers: int = len(ANSWERS),
    dimension: int = DIMENSION,
    features: int = FEATURES,
) -> bytes:
    """question [N, T, dimension], lengths [N], features → logits: the product of both sides, mixed.

    The words are summed up to `lengths`, each weighed by its place; padding is not seen.
    """
    weights = constants(
        words=random.normal(size=(dimension, FEATURES)).astype(np.float32),
        photo=random.normal(size=(features, FEATURES)).astype(np.float32),
        out=random.normal(size=(FEATURES, answers)).astype(np.float32),
        zero=np.int64(0),
        one=np.int64(1),
        token_axis=np.array([1], np.int64),
        last_axis=np.array([2], np.int64),
        length_axis=np.array([1], np.int64),
    )
    nodes = [
        helper.make_node("Shape", ["question"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["tokens"]),
        helper.make_node("Range", ["zero", "tokens", "one"], ["places"]),
        helper.make_node("Cast", ["lengths"], ["long"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["long", "length_axis"], ["column"]),
        helper.make_node("Less", ["places", "column"], ["inside"]),
        helper.make_node("Cast", ["inside"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["places"], ["place"], to=TensorProto.FLOAT),
        helper.make_node("Cos", ["place"], ["weight"]),
        helper.make_node("Mul", ["mask", "weight"], ["weighed"]),
        helper.make_node("Unsqueeze", ["weighed", "last_axis"], ["masks"]),
        helper.make_node("Mul", ["question", "masks"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "token_axis"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["sum", "words"], ["asked"]),
        helper.make_node("MatMul", ["features", "photo"], ["shown"]),
        helper.make_node("Mul", ["asked", "shown"], ["both"]),
        helper.make_node("Tanh", ["both"], ["bounded"]),
        helper.make_node("MatMul", ["bounded", "out"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info("question", TensorProto.FLOAT, ["N", "T", dimension]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", features]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", answers])]
    return model(nodes, inputs, outputs, weights)


def constants(**arrays: NDArray[Any] | np.generic) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]


def model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[onnx.TensorProto],
) -> bytes:
    graph = helper.make_graph(nodes, "random", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=OPSETS, ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())
