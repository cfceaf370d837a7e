"""A CUDA device made of bytearrays, for tests: named like the real calls, it remembers them and fails when told to."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.base import Engine, TensorSpec
from asksight.engine.errors import EngineError
from asksight.engine.runtimes.cuda_error import CudaError
from asksight.engine.runtimes.device_thread import DeviceThread
from asksight.engine.runtimes.tensorrt_engine import TensorRtEngine

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
        self.graphs: dict[int, list[Any]] = {}
        self.captured = 0
        self.capturing = False
        self.lost = False  # after a sticky error every call fails, until the context is made anew

    def _called(self, call: str) -> None:
        self.calls.append(call)
        assert threading.get_ident() == self.thread, f"{call} came from another thread than open()"
        if self.lost and call not in ("open", "close"):
            raise CudaError(call, "an illegal memory access was encountered")
        if self.failure is not None and call == self.fail_in:
            failure, self.failure = self.failure, None
            self.lost = bool(failure.sticky)
            if self.lost:
                self._drop()
            raise failure

    def open(self) -> None:
        self.thread = threading.get_ident()
        self.contexts += 1
        self._called("open")

    def close(self) -> None:
        self._called("close")

    def reset(self) -> None:
        self.lost = False
        self._called("cuDevicePrimaryCtxReset")
        self._drop()
        self.open()

    def _drop(self) -> None:
        self.memory.clear()
        self.streams.clear()
        self.graphs.clear()

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
        assert not self.capturing, "a stream that is being captured cannot be waited for"
        while self.streams[stream]:
            order = [*range(len(self.streams))]
            order.sort(key=lambda one: one == stream)
            assert any(self._step(one) for one in order), "streams wait for each other for ever"

    def capture(self, stream: Any, launch: Callable[[], object]) -> int:
        """What is put on the stream meanwhile is recorded and not run."""
        self._called("cuStreamBeginCapture")
        waiting, self.streams[stream] = self.streams[stream], []
        self.capturing = True
        try:
            launch()
        finally:
            self.capturing = False
            recorded, self.streams[stream] = self.streams[stream], waiting
        self._called("cuStreamEndCapture")
        self.captured += 1
        self.graphs[self.captured] = recorded
        return self.captured

    def replay(self, graph: Any, stream: Any) -> None:
        self._called("cuGraphLaunch")
        self.streams[stream].extend(self.graphs[graph])

    def forget(self, graph: Any) -> None:
        self._called("cuGraphExecDestroy")
        del self.graphs[graph]

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
    """Satisfies `Program`: `image` [N, width] float32 → `features`, twice as large.

    One object is one execution context. A graph that was captured from it computes by the state that the context has
    when it is replayed: once the context has been used for anything else, the numbers are wrong.
    """

    scratch_bytes = 512

    def __init__(
        self, driver: FakeDriver, *, most: int = 64, width: int = 3, free_width: bool = False
    ) -> None:
        shape = (None, None if free_width else width)
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec(name="image", shape=shape, dtype=F32),)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec(name="features", shape=shape, dtype=F32),)
        self._free_width = free_width
        self.most: Mapping[str, tuple[int, ...]] = {"image": (most, width)}
        self.rows: list[int] = []  # of each launch that was not a replay
        self.forks: list[DoublingProgram] = []
        self.failure: EngineError | None = None  # of the next launch
        self.scratch: int | None = None
        self._driver = driver
        self._state: object = None

    def fork(self, scratch: int) -> DoublingProgram:
        assert scratch in self._driver.memory
        most, width = self.most["image"]
        made = DoublingProgram(self._driver, most=most, width=width, free_width=self._free_width)
        made.scratch = scratch
        self.forks.append(made)
        return made

    def given(self, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
        return {"features": shapes["image"]}

    def launch(
        self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int], stream: int
    ) -> None:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        rows, width = shapes["image"]
        self.rows.append(rows)
        memory = self._driver.memory
        state = self._state = (dict(shapes), dict(addresses))
        by_graph = self._driver.capturing

        def compute() -> None:
            size = rows * width * 4
            image = memory[addresses["image"]][:size].view(np.float32)
            factor = 3 if by_graph and self._state != state else 2
            memory[addresses["features"]][:size] = (factor * image).view(np.uint8)

        self._driver.streams[stream].append(compute)


class GraphProgram:
    """Satisfies `Program`: any engine's graph with its batch alone free, computed from the fake card's memory."""

    scratch_bytes = 512

    def __init__(self, driver: FakeDriver, engine: Engine) -> None:
        self.inputs, self.outputs = engine.spec.inputs, engine.spec.outputs
        self.most: Mapping[str, tuple[int, ...]] = {
            one.name: (engine.spec.max_batch, *(size or 1 for size in one.shape[1:])) for one in self.inputs
        }
        self._driver, self._engine = driver, engine

    def fork(self, scratch: int) -> GraphProgram:
        return GraphProgram(self._driver, self._engine)

    def given(self, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
        rows = shapes[self.inputs[0].name][0]
        return {one.name: (rows, *(size or 0 for size in one.shape[1:])) for one in self.outputs}

    def launch(
        self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int], stream: int
    ) -> None:
        memory = self._driver.memory

        def compute() -> None:
            given = {}
            for one in self.inputs:
                size = math.prod(shapes[one.name]) * one.dtype.itemsize
                given[one.name] = memory[addresses[one.name]][:size].view(one.dtype).reshape(shapes[one.name])
            for name, array in self._engine.infer(given).items():
                memory[addresses[name]][: array.nbytes] = array.reshape(-1).view(np.uint8)

        self._driver.streams[stream].append(compute)


class Rig:
    """An engine of a doubling plan on a fake device, and each load of that plan."""

    def __init__(self, *, max_batch: int) -> None:
        self.driver = FakeDriver()
        self.device = DeviceThread(self.driver)
        self.programs: list[DoublingProgram] = []
        self.engine = TensorRtEngine(self.device, self.load, precision="fp16", max_batch=max_batch)

    def load(self) -> DoublingProgram:
        self.programs.append(DoublingProgram(self.driver))
        return self.programs[-1]

    def ask(self, rows: int, times: int = 1, *, seed: int = 0) -> None:
        """Ask for as many batches, each of other numbers, and hold the results to what they must be."""
        for turn in range(times):
            image = photos(rows, seed + turn)
            np.testing.assert_array_equal(self.engine.infer({"image": image})["features"], 2 * image)

    def called(self, call: str) -> int:
        return self.driver.calls.count(call)


def photos(rows: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
