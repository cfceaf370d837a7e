"""What pycuda does not offer of CUDA, from libcuda itself: graphs captured from a stream, and a context made anew.

pycuda (2026.1 too) knows neither. Its streams are libcuda's own, so that both work on the same ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from ..errors import EngineError
from .cuda_error import CudaError

OF_THIS_THREAD = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads do harms no capture
POINTER, NUMBER = ctypes.c_void_p, ctypes.c_int
OUT = ctypes.POINTER(ctypes.c_void_p)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "cuStreamBeginCapture_v2": (POINTER, NUMBER),
    "cuStreamEndCapture": (POINTER, OUT),
    "cuGraphInstantiateWithFlags": (OUT, POINTER, ctypes.c_ulonglong),  # CUDA 11.4 and later
    "cuGraphDestroy": (POINTER,),
    "cuGraphLaunch": (POINTER, POINTER),
    "cuGraphExecDestroy": (POINTER,),
    "cuDeviceGet": (ctypes.POINTER(NUMBER), NUMBER),
    "cuDevicePrimaryCtxReset_v2": (NUMBER,),
    "cuGetErrorString": (NUMBER, ctypes.POINTER(ctypes.c_char_p)),
}


class CudaLibrary:
    """Streams are the handles that libcuda knows them by. To be used in the device's thread."""

    def __init__(self, library: Any = None) -> None:
        """Raises EngineError where there is no libcuda."""
        try:
            self._library = library or ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise EngineError(f"libcuda.so.1 cannot be loaded ({error}). Install NVIDIA's driver.") from error

    def capture(self, stream: int, launch: Callable[[], object]) -> int:
        """Have what `launch` puts on the stream recorded instead of run; give the graph, ready to be replayed.

        Raises what `launch` raises, and CudaError where it does something that cannot be captured.
        """
        self._call("cuStreamBeginCapture_v2", stream, OF_THIS_THREAD)
        graph = POINTER()
        try:
            launch()
        except BaseException:
            try:  # the stream must not stay in this mode
                self._call("cuStreamEndCapture", stream, ctypes.byref(graph))
                self._call("cuGraphDestroy", graph)
            except CudaError:
                pass  # the capture was broken already, which ends it; the first error tells more
            raise
        self._call("cuStreamEndCapture", stream, ctypes.byref(graph))
        made = POINTER()
        try:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(made), graph, 0)
        finally:
            self._call("cuGraphDestroy", graph)
        return int(made.value or 0)

    def replay(self, graph: int, stream: int) -> None:
        """Start all that was recorded, in one call."""
        self._call("cuGraphLaunch", graph, stream)

    def forget(self, graph: int) -> None:
        """Give a graph's memory back."""
        self._call("cuGraphExecDestroy", graph)

    def reset(self, number: int) -> None:
        """Destroy a device's primary context, whoever still holds it: what was allocated in it is gone."""
        device = NUMBER()
        self._call("cuDeviceGet", ctypes.byref(device), number)
        self._call("cuDevicePrimaryCtxReset_v2", device)

    def _call(self, name: str, *arguments: Any) -> None:
        code = self._function(name)(*arguments)
        if code:
            text = ctypes.c_char_p()
            self._function("cuGetErrorString")(code, ctypes.byref(text))
            raise CudaError(name, (text.value or b"").decode() or f"error {code}")

    def _function(self, name: str) -> Any:
        try:
            function = getattr(self._library, name)
        except AttributeError as error:
            raise EngineError(f"This NVIDIA driver has no {name}; install a newer one.") from error
        function.argtypes, function.restype = ARGUMENTS[name], NUMBER
        return function
