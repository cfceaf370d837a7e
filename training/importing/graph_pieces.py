"""ONNX nodes that are written by hand: what stands before and behind a model's own graph in a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .asked_words import AskedWords
from .spec import BAGS, ImageSpec

PREFIX = "asksight/"  # of all names that are made here, so that none is a model's own
FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


class Pieces:
    """Nodes in order, and their constants. All are of opset 13 and mean the same in those behind it."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, op: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Append one node; give its output's name."""
        output = name or f"{PREFIX}{self.stage}/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, values: Any, dtype: type = np.int64) -> str:
        """A constant; give its name."""
        name = f"{PREFIX}{self.stage}/constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name


def photo_pieces(pieces: Pieces, spec: ImageSpec, wanted: str, *, channels_first: bool) -> None:
    """`image` [N,H,W,3] uint8 → `wanted`, as the model takes it."""
    x = pieces.node("Cast", "image", to=FLOAT)
    if any(spec.mean):
        x = pieces.node("Sub", x, pieces.constant(spec.mean, np.float32))
    if spec.std != (1.0,) * 3:
        x = pieces.node("Div", x, pieces.constant(spec.std, np.float32))
    if channels_first:
        pieces.node("Transpose", x, name=wanted, perm=[0, 3, 1, 2])
    else:
        pieces.node("Identity", x, name=wanted)


def prepared_photos(
    photos: NDArray[np.uint8], spec: ImageSpec, *, channels_first: bool
) -> NDArray[np.float32]:
    """The same by NumPy, to compare with."""
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    x = (photos.astype(np.float32) - mean) / std
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if channels_first else x


def question_pieces(pieces: Pieces, asked: AskedWords, wanted: str, dtype: int, *, at_the_end: bool) -> None:
    """`question` [N,T,1+D], `lengths` [N] → `wanted`; as AskedWords.prepared says, in graph.

    Words that do not count are skipped: each that does is moved to its place by a product with a matrix of ones and
    zeros, which changes no number. `at_the_end`: pads go there, whatever the model was trained on, as masks need it.
    """
    far = 2**31 - 1
    axis = pieces.constant([2])
    flags = pieces.node("Slice", "question", pieces.constant([0]), pieces.constant([1]), axis)
    values = pieces.node("Slice", "question", pieces.constant([1]), pieces.constant([far]), axis)
    counts = _counting(pieces, flags)  # [N, T] float32, 1 or 0
    if asked.form in BAGS:
        numbers = pieces.node("Cast", values, to=INT32)  # [N, T, 1]
        same = pieces.node("Equal", numbers, pieces.constant(np.arange(asked.size)[None, None], np.int32))
        words = pieces.node("Cast", same, to=FLOAT)  # [N, T, V]
        result = _summed(pieces, counts, words)
        if asked.form == "binary":
            result = pieces.node("Clip", result, "", pieces.constant(1, np.float32))
    elif asked.form == "sum":
        result = _summed(pieces, counts, values)
    else:
        result = _placed(pieces, asked, counts, values, "post" if at_the_end else asked.padding)
        if asked.form == "ids":
            result = pieces.node("Squeeze", result, axis)
    pieces.node("Cast", result, name=wanted, to=dtype)


def _counting(pieces: Pieces, flags: str) -> str:
    """[N, T]: 1 where a word counts and stands before the question's length."""
    zero, one = pieces.constant(0), pieces.constant(1)
    steps = pieces.node("Gather", pieces.node("Shape", "question"), one)
    places = pieces.node("Range", zero, steps, one)
    lengths = pieces.node("Cast", "lengths", to=INT64)
    inside = pieces.node("Less", places, pieces.node("Unsqueeze", lengths, pieces.constant([1])))
    counts = pieces.node("Squeeze", flags, pieces.constant([2]))
    return pieces.node("Mul", counts, pieces.node("Cast", inside, to=FLOAT))


def _summed(pieces: Pieces, counts: str, values: str) -> str:
    """[N, T], [N, T, D] → [N, D]"""
    row = pieces.node("Unsqueeze", counts, pieces.constant([1]))
    return pieces.node("Squeeze", pieces.node("MatMul", row, values), pieces.constant([1]))


def _placed(pieces: Pieces, asked: AskedWords, counts: str, values: str, padding: str) -> str:
    """[N, T], [N, T, D] → [N, size, D], by pad_sequences' rules."""
    places = pieces.node("CumSum", counts, pieces.constant(1))  # 1 is the first
    total = pieces.node("ReduceSum", counts, pieces.constant([1]), keepdims=1)
    zero, size = pieces.constant(0, np.float32), pieces.constant(asked.size, np.float32)
    if asked.truncating == "pre":
        over = pieces.node("Max", pieces.node("Sub", total, size), zero)
        places = pieces.node("Sub", places, over)
    if padding == "pre":
        room = pieces.node("Max", pieces.node("Sub", size, total), zero)
        places = pieces.node("Add", places, room)
    columns = pieces.node("Unsqueeze", pieces.node("Cast", places, to=INT32), pieces.constant([1]))
    numbers = pieces.constant(np.arange(1, asked.size + 1)[None, :, None], np.int32)
    there = pieces.node("Cast", pieces.node("Equal", columns, numbers), to=FLOAT)  # [N, size, T]
    there = pieces.node("Mul", there, pieces.node("Unsqueeze", counts, pieces.constant([1])))
    return pieces.node("MatMul", there, values)


def feature_pieces(pieces: Pieces, crossing: Sequence[tuple[str, tuple[int, ...]]]) -> None:
    """`features` [N,F] → the tensors that the image's half hands on, by name and shape without the batch."""
    start = 0
    for name, shape in crossing:
        size = int(np.prod(shape))
        part = "features"
        if len(crossing) > 1:
            ends = pieces.constant([start]), pieces.constant([start + size]), pieces.constant([1])
            part = pieces.node("Slice", part, *ends)
        pieces.node("Reshape", part, pieces.constant([-1, *shape]), name=name)
        start += size


def flatten_pieces(pieces: Pieces, names: Sequence[str]) -> None:
    """The reverse: tensors of the image's half → `features` [N,F]."""
    flat = [pieces.node("Flatten", name, axis=1) for name in names]
    pieces.node("Concat", *flat, name="features", axis=1)
