"""A TensorRT plan as an engine: pinned staging, two streams, one owner thread.

A batch of 16 rows or more goes in two halves: the second is copied in while the first is computed, and the first
copied out while the second is. Shapes that come again are replayed as CUDA graphs (replays.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from traceback import clear_frames
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, EngineSpec, TensorSpec
from ..errors import EngineError, EngineLostError
from .check import batch_size
from .cuda_driver import Driver
from .cuda_error import CudaError
from .device_thread import DeviceThread
from .replays import Forkable, Replays

HALVED_FROM = 16  # rows; smaller batches cost more in launches than the overlap gains
ALIGNED = 256  # bytes, as CUDA aligns what it allocates


class Program(Forkable, Protocol):
    """A plan that is loaded: TensorRT's part, in the device's thread. `launch` raises EngineError where it refuses."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    most: Mapping[str, tuple[int, ...]]  # the largest shape of each input

    def given(self, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
        """The shape of each output, by those of the inputs."""
        ...


class _Loaded:
    """What lives in one CUDA context: the program, its buffers and streams."""

    def __init__(self, driver: Driver, program: Program, rows: int) -> None:
        self.program = program
        self.copies, self.compute = driver.stream(), driver.stream()
        self.replays = Replays(driver, program, self.compute)
        most: dict[str, tuple[int, ...]] = {name: (rows, *shape[1:]) for name, shape in program.most.items()}
        most |= program.given(most)
        room = {
            tensor.name: -(-math.prod(most[tensor.name]) * tensor.dtype.itemsize // ALIGNED) * ALIGNED
            for tensor in (*program.inputs, *program.outputs)
        }
        # Two of each where batches go in halves, allocated once.
        sides = 2 if rows >= HALVED_FROM else 1
        self.device = {name: [driver.allocate(size) for _ in range(sides)] for name, size in room.items()}
        self.host = {name: [driver.pinned(size) for _ in range(sides)] for name, size in room.items()}


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
        self._closed = False
        self.spec = device.call(self._open)

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Run one batch; raises EngineError (CudaError for the card's).

        EngineLostError after a sticky error: the next call of any engine of the device makes the context anew.
        """
        if self._closed:
            raise EngineError("The TensorRT engine is closed; open it again.")
        rows = batch_size(self.spec, arrays)
        return self._device.call(lambda: self._run(arrays, rows))

    def close(self) -> None:
        """Give the card's memory back; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._device.later(self._give_back)  # in its thread, whose context the memory belongs to

    def let_go(self) -> None:
        """Drop what was in a context that is lost."""
        self._loaded = None

    def _give_back(self) -> None:
        if self._loaded is not None:
            self._loaded.replays.forget()
        self.let_go()

    def _open(self) -> EngineSpec:
        """In the device's thread: load the plan into the context there is now, a new one if that was lost."""
        self._device.renew()
        self._device.tenants.add(self)
        program = self._load()
        most = min(shape[0] for shape in program.most.values())
        rows = min(self._wanted, most)
        self._loaded = _Loaded(self._device.driver, program, rows)
        return EngineSpec(
            inputs=program.inputs, outputs=program.outputs, max_batch=rows, every_size_is_new=True
        )

    def _run(self, arrays: Arrays, rows: int) -> dict[str, NDArray[Any]]:
        if self._loaded is None:
            self.spec = self._open()
        assert self._loaded is not None
        try:
            return self._in_parts(self._loaded, arrays, rows)
        except EngineError as error:
            if (lost := self._sticky(error)) is None:
                raise
            clear_frames(error.__traceback__)  # whoever keeps the error must not keep the memory with it
            self._device.lost()
            raise EngineLostError(str(lost)) from error

    def _sticky(self, error: EngineError) -> CudaError | None:
        """The error that lost the context, None where it is whole; TensorRT does not say which, the card does."""
        if not isinstance(error, CudaError):
            assert self._loaded is not None
            try:
                self._device.driver.synchronise(self._loaded.compute)
            except CudaError as found:
                error = found
        return error if isinstance(error, CudaError) and error.sticky else None

    def _in_parts(self, loaded: _Loaded, arrays: Arrays, rows: int) -> dict[str, NDArray[Any]]:
        driver = self._device.driver
        parts = [slice(0, rows)]
        if rows >= HALVED_FROM:
            parts = [slice(0, rows // 2), slice(rows // 2, rows)]
        copied = [self._copy_in(loaded, arrays, rows_of, side) for side, rows_of in enumerate(parts)]
        computed, given = [], []
        for side, rows_of in enumerate(parts):
            driver.wait(loaded.compute, copied[side])
            shapes = {one.name: arrays[one.name][rows_of].shape for one in loaded.program.inputs}
            addresses = {name: driver.address(sides[side]) for name, sides in loaded.device.items()}
            given.append(loaded.program.given(shapes))
            loaded.replays.launch(shapes, addresses)
            computed.append(driver.record(loaded.compute))
        for side, sizes in enumerate(given):
            driver.wait(loaded.copies, computed[side])
            for tensor in loaded.program.outputs:
                address = driver.address(loaded.device[tensor.name][side])
                driver.copy_out(_staged(loaded, tensor, side, sizes), address, loaded.copies)
        driver.synchronise(loaded.copies)
        return {
            tensor.name: np.concatenate(
                [
                    _staged(loaded, tensor, side, sizes).view(tensor.dtype).reshape(sizes[tensor.name])
                    for side, sizes in enumerate(given)
                ]
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


def _staged(
    loaded: _Loaded, tensor: TensorSpec, side: int, shapes: Mapping[str, tuple[int, ...]]
) -> NDArray[np.uint8]:
    """The bytes of an output of that shape, in pinned memory."""
    return loaded.host[tensor.name][side][: math.prod(shapes[tensor.name]) * tensor.dtype.itemsize]
