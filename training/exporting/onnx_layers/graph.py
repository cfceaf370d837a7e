"""The ONNX graph under construction: nodes in order, each weight once, each name once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from .lazy_weight import LazyWeight

# ONNX tensor types by Keras dtype. Every floating dtype is written as float32; compiling for an engine may reduce
# the precision later.
ONNX_TYPES = {
    "float16": onnx.TensorProto.FLOAT,
    "bfloat16": onnx.TensorProto.FLOAT,
    "float32": onnx.TensorProto.FLOAT,
    "float64": onnx.TensorProto.FLOAT,
    "uint8": onnx.TensorProto.UINT8,
    "int8": onnx.TensorProto.INT8,
    "int16": onnx.TensorProto.INT16,
    "int32": onnx.TensorProto.INT32,
    "int64": onnx.TensorProto.INT64,
    "bool": onnx.TensorProto.BOOL,
}


class Graph:
    """Collects nodes and initialisers. Not thread-safe."""

    def __init__(self, *, zeros_at_the_end: bool = False) -> None:
        # Where a layer masks the number 0, it stands behind all words and never among them: a mask is a length then.
        self.zeros_at_the_end = zeros_at_the_end
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, NDArray[Any] | LazyWeight] = {}  # views of Keras' memory where possible
        self._used: Counter[str] = Counter()
        self._names: dict[Hashable, str] = {}
        self._kept: list[object] = []

    def unique(self, wish: str) -> str:
        """`wish`, or `wish_1`, `wish_2` ... if it is taken."""
        wish = re.sub(r"[^\w/.\-]", "_", wish)
        name, count = wish, self._used[wish]
        while name in self._used and self._used[name] > 0:
            name, count = f"{wish}_{count}", count + 1
        self._used[wish] += 1
        if name != wish:
            self._used[name] += 1
        return name

    def nodes_of(
        self, op: str, inputs: Sequence[str], where: str, outputs: int, **attributes: Any
    ) -> list[str]:
        """Append a node with several outputs, and return their names."""
        name = self.unique(f"{where}/{op}")
        names = [name if outputs == 1 else self.unique(f"{name}/{index}") for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=name, **attributes))
        return names

    def node(self, op: str, inputs: Sequence[str], where: str, **attributes: Any) -> str:
        """Append a node with one output, and return the output's name."""
        return self.nodes_of(op, inputs, where, 1, **attributes)[0]

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """A small constant. Equal constants share one initialiser."""
        array = np.asarray(values, dtype=dtype)
        key = ("constant", dtype, array.shape, array.tobytes())
        shape = "x".join(str(size) for size in array.shape)
        return self.weight(key, f"constant/{dtype}{'_' if shape else ''}{shape}", lambda: array)

    def weight(self, key: Hashable, wish: str, make: Callable[[], NDArray[Any] | LazyWeight]) -> str:
        """The initialiser for `key`, made at the first call only, so that shared layers share their weights."""
        if key not in self._names:
            made = make()
            if not isinstance(made, LazyWeight):
                made = np.asarray(made, order="C")  # ascontiguousarray makes a list of a single number
                if "float" in made.dtype.name and made.dtype != np.float32:
                    made = made.astype(np.float32)
            name = self.unique(wish)
            self.weights[name] = made
            self._names[key] = name
        return self._names[key]

    def keep(self, something: object) -> None:
        """Keep a reference to an object whose id() is part of a key, so that no other object can get the same id."""
        self._kept.append(something)

    def finish(self, outputs: Sequence[tuple[str, str]]) -> None:
        """Rename the outputs, given as (name, new name), and remove the nodes and weights that no output needs."""
        made = {name: node for node in self.nodes for name in node.output}
        wishes: dict[str, str] = {}
        for name, wish in outputs:
            if name not in made or name in wishes:  # the output is an input, or another output already
                self.nodes.append(
                    helper.make_node("Identity", [name], [wish], name=self.unique(f"{wish}/Identity"))
                )
            else:
                wishes[name] = wish
        needed = {wish for _, wish in outputs}
        kept: list[onnx.NodeProto] = []
        for node in reversed(self.nodes):
            for names in (node.input, node.output):
                names[:] = [wishes.get(name, name) for name in names]
            if needed & set(node.output):
                needed.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.weights = {name: array for name, array in self.weights.items() if name in needed}
