"""What an engine asks of CUDA, as a small Protocol; pycuda behind it, and every error of it translated.

All calls are made in the one thread that called `open` (device_thread.py): a CUDA context belongs to a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError
from .cuda_error import CudaError

if TYPE_CHECKING:
    from .cuda_library import CudaLibrary

T = TypeVar("T")


class Driver(Protocol):
    """The calls of CUDA that are used. Addresses are numbers; each raises CudaError."""

    def open(self) -> None:
        """Retain the device's primary context and make it this thread's."""
        ...

    def close(self) -> None:
        """Let go of the context; with it goes what was allocated in it."""
        ...

    def reset(self) -> None:
        """After a sticky error: destroy the context and retain a new one."""
        ...

    def machine(self) -> Mapping[str, str]:
        """What plans depend on: gpu, compute, driver."""
        ...

    def allocate(self, size: int) -> Any: ...
    def address(self, memory: Any) -> int: ...
    def pinned(self, size: int) -> NDArray[np.uint8]: ...
    def stream(self) -> Any: ...
    def handle(self, stream: Any) -> int: ...
    def copy_in(self, address: int, source: NDArray[np.uint8], stream: Any) -> None: ...
    def copy_out(self, target: NDArray[np.uint8], address: int, stream: Any) -> None: ...
    def record(self, stream: Any) -> Any: ...
    def wait(self, stream: Any, event: Any) -> None: ...
    def synchronise(self, stream: Any) -> None: ...

    def capture(self, stream: Any, launch: Callable[[], object]) -> Any:
        """Record what `launch` puts on the stream as a graph; EngineError where this is not offered."""
        ...

    def replay(self, graph: Any, stream: Any) -> None: ...
    def forget(self, graph: Any) -> None: ...


class PyCudaDriver:
    """CUDA through pycuda, on one device."""

    def __init__(self, device: int = 0) -> None:
        """Raises EngineError where pycuda, the CUDA library, the kernel driver or the card is missing."""
        try:
            import pycuda.driver as cuda  # pyright: ignore[reportMissingImports] - only where there is a GPU
        except ImportError as error:
            missing = "libcuda.so.1" in str(error)
            raise EngineError(
                "There is no NVIDIA driver (libcuda.so.1 is missing). Install it, or serve with --engine auto."
                if missing
                else f"pycuda is not installed ({error}). In a copy of AskSight's repository, run: "
                "pip install -e '.[tensorrt]'"
            ) from error
        self._cuda = cuda
        self._number = device
        try:
            cuda.init()
            count = cuda.Device.count()
        except cuda.Error as error:
            raise EngineError(
                f"There is no NVIDIA GPU to be used ({error}). Serve with --engine auto."
            ) from error
        if device >= count:
            raise EngineError(
                f"There is no GPU {device}; this machine has {count}. Serve with --engine auto."
            )
        self._device = cuda.Device(device)
        self._context: Any = None
        self._library: CudaLibrary | None = None

    def open(self) -> None:
        self._context = self._try("cuDevicePrimaryCtxRetain", self._device.retain_primary_context)
        self._try("cuCtxPushCurrent", self._context.push)

    def close(self) -> None:
        if self._context is not None:
            self._try("cuCtxPopCurrent", self._context.pop)
            self._context = None

    def reset(self) -> None:
        if self._context is not None:  # None where the last reset got no further
            self._context.pop()
            self._context.detach()
            self._context = None
        # TensorRT holds the context too: letting go of it leaves it as it is, lost.
        self._libcuda().reset(self._number)
        self.open()

    def machine(self) -> Mapping[str, str]:
        major, minor = self._device.compute_capability()
        version = self._cuda.get_driver_version()
        return {"gpu": self._device.name(), "compute": f"{major}.{minor}", "cuda": str(version)}

    def allocate(self, size: int) -> Any:
        return self._try("cuMemAlloc", lambda: self._cuda.mem_alloc(size))

    def address(self, memory: Any) -> int:
        return int(memory)

    def pinned(self, size: int) -> NDArray[np.uint8]:
        made: NDArray[np.uint8] = self._try(
            "cuMemHostAlloc", lambda: self._cuda.pagelocked_empty(size, np.uint8)
        )
        return made

    def stream(self) -> Any:
        return self._try("cuStreamCreate", self._cuda.Stream)

    def handle(self, stream: Any) -> int:
        return int(stream.handle)

    def copy_in(self, address: int, source: NDArray[np.uint8], stream: Any) -> None:
        self._try("cuMemcpyHtoDAsync", lambda: self._cuda.memcpy_htod_async(address, source, stream))

    def copy_out(self, target: NDArray[np.uint8], address: int, stream: Any) -> None:
        self._try("cuMemcpyDtoHAsync", lambda: self._cuda.memcpy_dtoh_async(target, address, stream))

    def record(self, stream: Any) -> Any:
        event = self._try("cuEventCreate", self._cuda.Event)
        self._try("cuEventRecord", lambda: event.record(stream))
        return event

    def wait(self, stream: Any, event: Any) -> None:
        self._try("cuStreamWaitEvent", lambda: stream.wait_for_event(event))

    def synchronise(self, stream: Any) -> None:
        self._try("cuStreamSynchronize", stream.synchronize)

    def capture(self, stream: Any, launch: Callable[[], object]) -> Any:
        return self._libcuda().capture(self.handle(stream), launch)

    def replay(self, graph: Any, stream: Any) -> None:
        self._libcuda().replay(graph, self.handle(stream))

    def forget(self, graph: Any) -> None:
        self._libcuda().forget(graph)

    def _libcuda(self) -> CudaLibrary:
        if self._library is None:
            from .cuda_library import CudaLibrary

            self._library = CudaLibrary()
        return self._library

    def _try(self, call: str, do: Callable[[], T]) -> T:
        try:
            return do()
        except self._cuda.Error as error:
            text = str(error).removeprefix(f"{call} failed: ")
            raise CudaError(call, text) from error
