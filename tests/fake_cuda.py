"""A CUDA device made of bytearrays, for tests: named like the real calls, it remembers them and fails when told to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.base import TensorSpec
from asksight.engine.cuda_driver import CudaError

F32 = np.dtype(np.float32)


class FakeDriver:
    """Satisfies `Driver`. Copies and computations happen only when a stream is synchronised, in an order that holds
    to streams and events alone: a wait that is missing gives wrong numbers."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.calls: list[str] = []
        self.failure: CudaError | None = None
        self.fail_in = ""
        self.contexts = 0
        self.memory: dict[int, NDArray[np.uint8]] = {}
        self.streams: list[list[Any]] = []
        self.fired: set[int] = set()
        self.events = 0

    def _called(self, call: str) -> None:
        self.calls.append(call)
        assert threading.get_ident() == self.thread, f"{call} came from another thread than open()"
        if self.failure is not None and call == self.fail_in:
            failure, self.failure = self.failure, None
            raise failure

    def open(self) -> None:
        self.thread = threading.get_ident()
        self.contexts += 1
        self._called("open")

    def close(self) -> None:
        self._called("close")

    def reset(self) -> None:
        self.memory.clear()
        self.streams.clear()
        self.open()

    def machine(self) -> Mapping[str, str]:
        return {"gpu": "Fake", "compute": "0.0", "cuda": "0"}

    def allocate(self, size: int) -> int:
        self._called("cuMemAlloc")
        address = 4096 * (len(self.memory) + 1) * 1024
        self.memory[address] = np.full(size, 0xAA, np.uint8)
        return address

    def address(self, memory: Any) -> int:
        return int(memory)

    def pinned(self, size: int) -> NDArray[np.uint8]:
        self._called("cuMemHostAlloc")
        return np.full(size, 0xBB, np.uint8)

    def stream(self) -> int:
        self._called("cuStreamCreate")
        self.streams.append([])
        return len(self.streams) - 1

    def handle(self, stream: Any) -> int:
        return int(stream)

    def copy_in(self, address: int, source: NDArray[np.uint8], stream: Any) -> None:
        self._called("cuMemcpyHtoDAsync")

        def copy() -> None:
            self.memory[address][: source.size] = source

        self.streams[stream].append(copy)

    def copy_out(self, target: NDArray[np.uint8], address: int, stream: Any) -> None:
        self._called("cuMemcpyDtoHAsync")

        def copy() -> None:
            target[:] = self.memory[address][: target.size]

        self.streams[stream].append(copy)

    def record(self, stream: Any) -> int:
        self._called("cuEventRecord")
        self.events += 1
        event = self.events
        self.streams[stream].append(lambda: self.fired.add(event))
        return event

    def wait(self, stream: Any, event: Any) -> None:
        self._called("cuStreamWaitEvent")
        self.streams[stream].append(int(event))

    def synchronise(self, stream: Any) -> None:
        """The other streams run first, as far as they may: what does not wait for them is overtaken."""
        self._called("cuStreamSynchronize")
        while self.streams[stream]:
            order = [*range(len(self.streams))]
            order.sort(key=lambda one: one == stream)
            assert any(self._step(one) for one in order), "streams wait for each other for ever"

    def _step(self, stream: int) -> bool:
        if not self.streams[stream]:
            return False
        work = self.streams[stream][0]
        if isinstance(work, int):
            if work not in self.fired:
                return False
        else:
            work()
        self.streams[stream].pop(0)
        return True


class DoublingProgram:
    """Satisfies `Program`: `image` [N, width] float32 → `features`, twice as large."""

    def __init__(self, driver: FakeDriver, *, most: int = 64, width: int = 3) -> None:
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec(name="image", shape=(None, width), dtype=F32),)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec(name="features", shape=(None, width), dtype=F32),)
        self.most: Mapping[str, tuple[int, ...]] = {"image": (most, width)}
        self.rows: list[int] = []
        self._driver = driver

    def launch(
        self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int], stream: int
    ) -> None:
        rows, width = shapes["image"]
        self.rows.append(rows)
        memory = self._driver.memory

        def compute() -> None:
            size = rows * width * 4
            image = memory[addresses["image"]][:size].view(np.float32)
            memory[addresses["features"]][:size] = (2 * image).view(np.uint8)

        self._driver.streams[stream].append(compute)
