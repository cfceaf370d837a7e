"""A TensorRT plan as an engine: pinned staging, two streams, one owner thread.

A batch of 16 rows or more goes in two halves: the second is copied in while the first is computed, and the first
copied out while the second is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .base import Arrays, EngineSpec, TensorSpec
from .check import batch_size
from .cuda_driver import CudaError, Driver
from .device_thread import DeviceThread
from .errors import EngineError
from .warm import warm_up

HALVED_FROM = 16  # rows; smaller batches cost more in launches than the overlap gains
ALIGNED = 256  # bytes, as CUDA aligns what it allocates


class Program(Protocol):
    """A plan that is loaded: TensorRT's part, in the device's thread."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    most: Mapping[str, tuple[int, ...]]  # the largest shape of each input

    def launch(
        self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int], stream: int
    ) -> None:
        """Start the computation; raises EngineError where TensorRT refuses."""
        ...


class _Loaded:
    """What lives in one CUDA context: the program, its buffers and streams."""

    def __init__(self, driver: Driver, program: Program, rows: int) -> None:
        self.program = program
        self.copies, self.compute = driver.stream(), driver.stream()
        self.sizes = {}  # bytes of one row at the most
        for tensor in (*program.inputs, *program.outputs):
            shape = program.most.get(tensor.name, (rows, *(size or 0 for size in tensor.shape[1:])))
            self.sizes[tensor.name] = math.prod(shape[1:]) * tensor.dtype.itemsize
        room = {name: -(-size * rows // ALIGNED) * ALIGNED for name, size in self.sizes.items()}
        # Two of each, for the halves, allocated once.
        self.device = {name: [driver.allocate(size) for _ in range(2)] for name, size in room.items()}
        self.host = {name: [driver.pinned(size) for _ in range(2)] for name, size in room.items()}


class TensorRtEngine:
    """One plan on one device. `infer` may be called from any thread; the device's thread does the work."""

    name = "tensorrt"

    def __init__(
        self, device: DeviceThread, load: Callable[[], Program], *, precision: str, max_batch: int
    ) -> None:
        """`load` deserialises the plan; it is called in the device's thread, and again when a context was lost.

        Raises EngineError where the plan cannot be loaded or the card has no room for its buffers.
        """
        self.precision = precision
        self._device, self._load, self._wanted = device, load, max_batch
        self._loaded: _Loaded | None = None
        self._generation = -1
        self._closed = False
        self.spec = device.call(self._open)

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Run one batch; raises EngineError (CudaError for the card's) and is whole again at the next call."""
        if self._closed:
            raise EngineError("The TensorRT engine is closed; open it again.")
        rows = batch_size(self.spec, arrays)
        return self._device.call(lambda: self._run(arrays, rows))

    def warm(self, batch_sizes: Iterable[int]) -> None:
        """Run one batch of ones at each size, so that the first real call is not the slow one."""
        warm_up(self, batch_sizes)

    def close(self) -> None:
        """Give the card's memory back; a second call does nothing."""
        self._closed = True
        self._loaded = None

    def _open(self) -> EngineSpec:
        """In the device's thread: load the plan into the context there is now."""
        program = self._load()
        most = min(shape[0] for shape in program.most.values())
        rows = min(self._wanted, most)
        self._loaded = _Loaded(self._device.driver, program, rows)
        self._generation = self._device.generation
        return EngineSpec(inputs=program.inputs, outputs=program.outputs, max_batch=rows)

    def _run(self, arrays: Arrays, rows: int) -> dict[str, NDArray[Any]]:
        if self._loaded is None or self._generation != self._device.generation:
            self.spec = self._open()
        assert self._loaded is not None
        try:
            return self._in_parts(self._loaded, arrays, rows)
        except CudaError as error:
            if error.sticky:
                self._loaded = None
                self._device.lost()
            raise

    def _in_parts(self, loaded: _Loaded, arrays: Arrays, rows: int) -> dict[str, NDArray[Any]]:
        driver = self._device.driver
        parts = [slice(0, rows)]
        if rows >= HALVED_FROM:
            parts = [slice(0, rows // 2), slice(rows // 2, rows)]
        copied = [self._copy_in(loaded, arrays, rows_of, side) for side, rows_of in enumerate(parts)]
        computed = []
        for side, rows_of in enumerate(parts):
            driver.wait(loaded.compute, copied[side])
            shapes = {one.name: arrays[one.name][rows_of].shape for one in loaded.program.inputs}
            addresses = {name: driver.address(sides[side]) for name, sides in loaded.device.items()}
            loaded.program.launch(shapes, addresses, driver.handle(loaded.compute))
            computed.append(driver.record(loaded.compute))
        for side, rows_of in enumerate(parts):
            driver.wait(loaded.copies, computed[side])
            for tensor in loaded.program.outputs:
                size = (rows_of.stop - rows_of.start) * loaded.sizes[tensor.name]
                address = driver.address(loaded.device[tensor.name][side])
                driver.copy_out(loaded.host[tensor.name][side][:size], address, loaded.copies)
        driver.synchronise(loaded.copies)
        return {
            tensor.name: np.concatenate(
                [_read(loaded, tensor, side, rows_of) for side, rows_of in enumerate(parts)]
            )
            for tensor in loaded.program.outputs
        }

    def _copy_in(self, loaded: _Loaded, arrays: Arrays, rows_of: slice, side: int) -> Any:
        """Through pinned memory, which alone is copied beside a computation; gives the event of its end."""
        driver = self._device.driver
        for tensor in loaded.program.inputs:
            array = np.ascontiguousarray(arrays[tensor.name][rows_of])
            most = loaded.program.most[tensor.name]
            if any(size > limit for size, limit in zip(array.shape[1:], most[1:], strict=True)):
                raise EngineError(
                    f"{tensor.name} is {array.shape}; the plan takes up to {most}. Compile the bundle again."
                )
            staged = loaded.host[tensor.name][side][: array.nbytes]
            staged[:] = array.reshape(-1).view(np.uint8)
            driver.copy_in(driver.address(loaded.device[tensor.name][side]), staged, loaded.copies)
        return driver.record(loaded.copies)


def _read(loaded: _Loaded, tensor: TensorSpec, side: int, rows_of: slice) -> NDArray[Any]:
    rows = rows_of.stop - rows_of.start
    shape = (rows, *(size or 0 for size in tensor.shape[1:]))
    return (
        loaded.host[tensor.name][side][: rows * loaded.sizes[tensor.name]].view(tensor.dtype).reshape(shape)
    )
