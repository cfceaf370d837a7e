"""The ONNX graph while it grows: nodes in order, weights once, every name used once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

# ONNX tensor types by Keras dtype. Every floating dtype is written as float32: reduced precision is the
# engines' choice.
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
        self.weights: dict[str, NDArray[Any]] = {}  # by name; views of Keras' own memory where they can be
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
        """Append one node with several outputs; give their names."""
        name = self.unique(f"{where}/{op}")
        names = [name if outputs == 1 else self.unique(f"{name}/{index}") for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=name, **attributes))
        return names

    def node(self, op: str, inputs: Sequence[str], where: str, **attributes: Any) -> str:
        """Append one node with one output; give the output's name."""
        return self.nodes_of(op, inputs, where, 1, **attributes)[0]

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """A small constant; equal ones share one initialiser."""
        array = np.asarray(values, dtype=dtype)
        key = ("constant", dtype, array.shape, array.tobytes())
        shape = "x".join(str(size) for size in array.shape)
        return self.weight(key, f"constant/{dtype}{'_' if shape else ''}{shape}", lambda: array)

    def weight(self, key: Hashable, wish: str, make: Callable[[], NDArray[Any]]) -> str:
        """The initialiser for `key`; made once, so a shared layer's weights are there once."""
        if key not in self._names:
            array = np.ascontiguousarray(make())
            if "float" in array.dtype.name and array.dtype != np.float32:
                array = array.astype(np.float32)
            name = self.unique(wish)
            self.weights[name] = array
            self._names[key] = name
        return self._names[key]

    def keep(self, something: object) -> None:
        """Keep an object alive, so that no other one gets its id while that is part of a key."""
        self._kept.append(something)

    def finish(self, outputs: Sequence[tuple[str, str]]) -> None:
        """Give each output its wished name, `outputs` being (name, wish), and drop what no output needs."""
        made = {name: node for node in self.nodes for name in node.output}
        wishes: dict[str, str] = {}
        for name, wish in outputs:
            if name not in made or name in wishes:  # an input or a twin goes straight out
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
