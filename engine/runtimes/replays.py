"""Replays launches as CUDA graphs, for shapes that come again and again.

A graph holds fixed shapes and addresses, and the state of the execution context that it was captured from. So each has
a context of its own, which nothing else uses; their scratch memory is one, since they run one after the other.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import EngineError
from .cuda_driver import Driver
from .cuda_error import CudaError

log = logging.getLogger(__name__)

CAPTURED_AFTER = 3  # launches of a shape: capturing costs about as much as a few
KEPT = 16  # graphs; each has a context, which takes memory beside the scratch

Shapes = Mapping[str, tuple[int, ...]]
Addresses = Mapping[str, int]
Key = tuple[tuple[tuple[str, tuple[int, ...]], ...], tuple[tuple[str, int], ...]]


class Forkable(Protocol):
    """A plan that can be launched, from several contexts."""

    @property
    def scratch_bytes(self) -> int:
        """What one execution context computes in."""
        ...

    def launch(self, shapes: Shapes, addresses: Addresses, stream: int) -> None: ...

    def fork(self, scratch: int) -> Forkable:
        """The same plan in another execution context, which computes in the memory at `scratch`."""
        ...


@dataclass(frozen=True)
class _Captured:
    graph: Any
    context: Forkable  # that the graph was captured from, kept as long as it


class Replays:
    """Launches a program on one stream. To be used in the device's thread.

    Where capturing fails or is not offered, everything is launched plainly from then on, and the log says why.
    """

    def __init__(self, driver: Driver, program: Forkable, stream: Any) -> None:
        self.refused: str | None = None  # why nothing is captured
        self._driver, self._program, self._stream = driver, program, stream
        self._seen: Counter[Key] = Counter()  # at most one for each batch size and question length
        self._captured: OrderedDict[Key, _Captured] = OrderedDict()  # least recently used first
        self._scratch: Any = None

    def launch(self, shapes: Shapes, addresses: Addresses) -> None:
        """Start the computation, by a graph if there is one. Raises EngineError."""
        key = (tuple(shapes.items()), tuple(addresses.items()))
        captured = self._captured.get(key)
        if captured is not None:
            self._captured.move_to_end(key)
            self._driver.replay(captured.graph, self._stream)
            return
        self._seen[key] += 1
        if self.refused is None and self._seen[key] > CAPTURED_AFTER:
            try:
                self._capture(key, shapes, addresses)
                return
            except EngineError as error:
                if isinstance(error, CudaError) and error.sticky:
                    raise
                self.refused = str(error)
                log.warning("CUDA graphs are not used, each batch is launched by itself: %s", error)
        self._program.launch(shapes, addresses, self._driver.handle(self._stream))

    def forget(self) -> None:
        """Give all graphs back."""
        while self._captured:
            self._driver.forget(self._captured.popitem()[1].graph)

    def _capture(self, key: Key, shapes: Shapes, addresses: Addresses) -> None:
        """Launch once in a new context, which readies it and is this batch's computation, and capture a second time."""
        driver, stream = self._driver, self._stream
        if self._scratch is None:
            self._scratch = driver.allocate(max(self._program.scratch_bytes, 1))
        context = self._program.fork(driver.address(self._scratch))
        handle = driver.handle(stream)
        context.launch(shapes, addresses, handle)
        driver.synchronise(stream)
        graph = driver.capture(stream, lambda: context.launch(shapes, addresses, handle))
        self._captured[key] = _Captured(graph, context)
        del self._seen[key]
        if len(self._captured) > KEPT:
            driver.forget(self._captured.popitem(last=False)[1].graph)
