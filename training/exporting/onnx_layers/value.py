"""One tensor of the Keras model, with its name in the ONNX graph for each memory layout.

Keras puts channels last (NHWC), ONNX convolutions put them first (NCHW), and ONNX recurrent nodes put the steps first.
A value is made in one layout. When another layout is first needed, a Transpose is written, and its name is kept. So a
chain of convolutions and activations stays channels-first, and a stack of recurrent layers stays steps-first, without
Transposes that would have to be removed later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .graph import Graph

Layout = Literal["keras", "channels_first", "steps_first"]


def permutation(layout: Layout, rank: int) -> list[int]:
    """The axes of the Keras tensor in the order that `layout` has."""
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
    """A tensor: its shape in Keras (None where free), its dtype, and its names in the ONNX graph by layout."""

    graph: Graph
    shape: tuple[int | None, ...]
    dtype: str
    where: str
    names: dict[Layout, str] = field(default_factory=dict)
    birth: Layout = "keras"
    make: Callable[[], str] | None = None  # writes the nodes of the `birth` layout when it is first needed
    lengths: Value | None = None  # of a mask: the sequence lengths that it was made from
    mask: Value | None = None  # the mask that Keras would attach to this tensor
    # Name of [T,N,U] and its lengths; valid only before each length.
    steps: tuple[str, Value | None] | None = None

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def channels_first(self) -> bool:
        """Whether this value was made channels first, so that using it in this layout costs nothing."""
        return self.birth == "channels_first"

    def name(self, layout: Layout = "keras") -> str:
        """This tensor's name in `layout`; writes a Transpose where it is not there yet."""
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
