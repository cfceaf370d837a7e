"""The layers of a transformer as ONNX nodes, with the weights that a checkpoint has under their names.

Attention: Vaswani et al. 2017, section 3.2. The factor 1/sqrt(d) is part of the weights that make the queries. GELU is
written by Erf, as it was trained and as engines know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from ..exporting.onnx_layers.graph import ONNX_TYPES, Graph
from .checkpoint import Checkpoint

MASKED = -10_000.0  # added to a score: its exponential is 0 in float32, and float16 holds it


@dataclass(frozen=True)
class Layers:
    """Writes into `graph`; all values are names of tensors in it, weights are those of `weights`."""

    graph: Graph
    weights: Checkpoint

    def node(self, op: str, *inputs: str, at: str, **attributes: object) -> str:
        return self.graph.node(op, inputs, at, **attributes)

    def whole(self, *numbers: int) -> str:
        """A constant list of sizes or axes."""
        return self.graph.constant(list(numbers), "int64")

    def parameter(self, name: str, shape: Sequence[int]) -> str:
        """A tensor of the checkpoint as it is."""
        return self.graph.weight(("as it is", name), name, lambda: self.weights.take(name, shape))

    def dense(
        self, x: str, name: str, width: int, out: int, *, factor: float = 1.0, part: int = 0, of: int = 1
    ) -> str:
        """x [..., width] -> [..., out], times `factor`; of a layer that makes several things at once, part `part`."""
        rows = slice(part * out, (part + 1) * out)
        key = (name, factor, part)
        kind = f"{name}.{part}" if of > 1 else name
        weight = self.graph.weight(
            ("weight", *key),
            f"{kind}.weight",
            lambda: self.weights.take(f"{name}.weight", (of * out, width)).changed(
                lambda numbers: numbers[rows].T * np.float32(factor), (width, out)
            ),
        )
        bias = self.graph.weight(
            ("bias", *key),
            f"{kind}.bias",
            lambda: self.weights.take(f"{name}.bias", (of * out,)).changed(
                lambda numbers: numbers[rows] * np.float32(factor), (out,)
            ),
        )
        return self.node("Add", self.node("MatMul", x, weight, at=kind), bias, at=kind)

    def normalised(self, x: str, name: str, width: int, epsilon: float) -> str:
        scale, bias = (self.parameter(f"{name}.{part}", (width,)) for part in ("weight", "bias"))
        return self.node("LayerNormalization", x, scale, bias, at=name, axis=-1, epsilon=epsilon)

    def gelu(self, x: str, at: str) -> str:
        """x/2 (1 + erf(x/sqrt 2))"""
        grown = self.node("Erf", self.node("Div", x, self.graph.constant(sqrt(2)), at=at), at=at)
        product = self.node("Mul", x, self.node("Add", grown, self.graph.constant(1.0), at=at), at=at)
        return self.node("Mul", product, self.graph.constant(0.5), at=at)

    def heads(self, x: str, heads: int, width: int, at: str) -> str:
        """[N,n,width] -> [N,heads,n,width/heads]"""
        parts = self.node("Reshape", x, self.whole(0, 0, heads, width // heads), at=at)
        return self.node("Transpose", parts, at=at, perm=[0, 2, 1, 3])

    def keys(self, x: str, heads: int, width: int, at: str) -> str:
        """[N,n,width] -> [N,heads,width/heads,n]"""
        parts = self.node("Reshape", x, self.whole(0, 0, heads, width // heads), at=at)
        return self.node("Transpose", parts, at=at, perm=[0, 2, 3, 1])

    def joined(self, x: str, width: int, at: str) -> str:
        """[N,heads,n,d] -> [N,n,width]"""
        back = self.node("Transpose", x, at=at, perm=[0, 2, 1, 3])
        return self.node("Reshape", back, self.whole(0, 0, width), at=at)

    def attended(self, queries: str, keys: str, values: str, at: str, mask: str | None = None) -> str:
        """[...,n,d], [...,d,m], [...,m,d] -> [...,n,d]; `mask` is added to the scores [...,n,m]."""
        scores = self.node("MatMul", queries, keys, at=at)
        if mask is not None:
            scores = self.node("Add", scores, mask, at=at)
        return self.node("MatMul", self.node("Softmax", scores, at=at, axis=-1), values, at=at)

    def steps(self, sequence: str, at: str) -> str:
        """0, 1, ... of the second axis of a sequence [N,T,...]: [T] int64."""
        zero, one = self.graph.constant(0, "int64"), self.graph.constant(1, "int64")
        size = self.node("Gather", self.node("Shape", sequence, at=at), one, at=at)
        return self.node("Range", zero, size, one, at=at)

    def within(self, steps: str, lengths: str, at: str) -> str:
        """[T] int64, [N] int32 -> [N,T] float32, 1 before each length and 0 from there."""
        limit = self.node("Cast", lengths, at=at, to=ONNX_TYPES["int64"])
        limit = self.node("Unsqueeze", limit, self.whole(1), at=at)
        return self.node("Cast", self.node("Less", steps, limit, at=at), at=at, to=ONNX_TYPES["float32"])

    def mask(self, counts: str, at: str) -> str:
        """[N,m] of 1 and 0 -> [N,1,1,m] of 0 and MASKED, to be added to scores."""
        lost = self.node("Sub", self.graph.constant(1.0), counts, at=at)
        lost = self.node("Mul", lost, self.graph.constant(MASKED), at=at)
        return self.node("Unsqueeze", lost, self.whole(1, 2), at=at)

    def pixels(self, image: str, factors: Sequence[float], shifts: Sequence[float], at: str) -> str:
        """[N,H,W,3] uint8 -> [N,3,H,W] float32: each colour times its factor, plus its shift."""
        numbers = self.node("Cast", image, at=at, to=ONNX_TYPES["float32"])
        numbers = self.node("Mul", numbers, self.graph.constant(list(factors)), at=at)
        numbers = self.node("Add", numbers, self.graph.constant(list(shifts)), at=at)
        return self.node("Transpose", numbers, at=at, perm=[0, 3, 1, 2])

    def patches(self, pixels: str, name: str, patch: int, width: int) -> str:
        """[N,3,H,W] -> [N,patches,width], row by row of the picture."""
        weight = self.parameter(f"{name}.weight", (width, 3, patch, patch))
        bias = self.parameter(f"{name}.bias", (width,))
        made = self.node(
            "Conv", pixels, weight, bias, at=name, kernel_shape=[patch, patch], strides=[patch, patch]
        )
        return self.node(
            "Transpose",
            self.node("Reshape", made, self.whole(0, width, -1), at=name),
            at=name,
            perm=[0, 2, 1],
        )

    def with_first(self, x: str, at: str) -> str:
        """[N,n,D] -> [N,n+1,D], the new first row all zeros."""
        return self.node("Pad", x, self.whole(0, 1, 0, 0, 0, 0), at=at)
