"""One tensor of the Keras model, under each memory layout in which the ONNX graph has it.

Keras counts channels last (NHWC); ONNX convolutions count them first (NCHW), and ONNX recurrent nodes
count the steps first. A value is born in one layout; another is made by a Transpose when it is first
asked for, and kept. So a chain of convolutions and activations stays channels-first throughout, and a
stack of recurrent layers steps-first, without any Transpose to cancel afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .graph import Graph

Layout = Literal["keras", "channels_first", "steps_first"]


def permutation(layout: Layout, rank: int) -> list[int]:
    """Axes of the Keras tensor in the order in which `layout` holds them."""
    if layout == "channels_first":
        return [0, rank - 1, *range(1, rank - 1)]
    if layout == "steps_first":
        return [1, 0, *range(2, rank)]
    return list(range(rank))


def inverse(order: list[int]) -> list[int]:
    """The permutation that undoes `order`."""
    return [order.index(axis) for axis in range(len(order))]


@dataclass(eq=False)
class Value:
    """A tensor: its shape as Keras sees it (None where free), its dtype, and its names in the ONNX graph."""

    graph: Graph
    shape: tuple[int | None, ...]
    dtype: str
    where: str
    names: dict[Layout, str] = field(default_factory=dict)
    birth: Layout = "keras"
    make: Callable[[], str] | None = None  # makes the `birth` name when it is first needed
    lengths: Value | None = None  # for a mask: the sequence lengths that it stands for
    mask: Value | None = None  # the Keras mask that travels with this value at run time
    steps: tuple[str, Value | None] | None = None  # [T,N,U] name and lengths: right only before each length

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def channels_first(self) -> bool:
        """Whether this value exists channels first, so that staying there costs nothing."""
        return self.birth == "channels_first"

    def name(self, layout: Layout = "keras") -> str:
        """This tensor's name in `layout`; made by a Transpose where it is not there yet."""
        if layout not in self.names:
            born = self._born()
            if layout == self.birth:
                return born
            # born -> keras -> layout, as one permutation
            back = inverse(permutation(self.birth, self.rank))
            order = [back[axis] for axis in permutation(layout, self.rank)]
            self.names[layout] = (
                born
                if order == list(range(self.rank))
                else self.graph.node("Transpose", [born], self.where, perm=order)
            )
        return self.names[layout]

    def _born(self) -> str:
        if self.birth not in self.names:
            assert self.make is not None
            self.names[self.birth] = self.make()
        return self.names[self.birth]
