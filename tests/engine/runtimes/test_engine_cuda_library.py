"""What is asked of libcuda itself, of a libcuda made of Python functions: the calls, their order, and their errors."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from asksight.engine import EngineError
from asksight.engine.runtimes.cuda_error import CudaError
from asksight.engine.runtimes.cuda_library import ARGUMENTS, CudaLibrary

STREAM, GRAPH, READY = (
    0x7F00_0000_1000,
    0x7F00_0000_2000,
    0x7F00_0000_3000,
)  # wider than an int, as handles are


class FakeLibrary:
    """Functions with the signatures that they are called by; some give an error (`fails`), some are not there."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fails: dict[str, int] = {}
        self.lacks: set[str] = set()
        self._kept: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in ARGUMENTS or name in self.lacks:
            raise AttributeError(name)
        if name not in self._kept:
            made = ctypes.CFUNCTYPE(ctypes.c_int, *ARGUMENTS[name])
            self._kept[name] = made(getattr(self, f"_{name}", self._noted(name)))
        return self._kept[name]

    def _noted(self, name: str) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            self.calls.append((name, *(one for one in arguments if isinstance(one, int | None))))
            for one in arguments:
                if isinstance(one, ctypes.POINTER(ctypes.c_void_p)):
                    one[0] = GRAPH if name == "cuStreamEndCapture" else READY
            return self.fails.get(name, 0)

        return call

    def _cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        device[0] = 100 + number
        return 0

    def _cuGetErrorString(self, code: int, text: Any) -> int:  # noqa: N802
        text[0] = {
            900: b"operation not permitted when stream is capturing",
            700: b"an illegal memory access",
        }[code]
        return 0


def names(fake: FakeLibrary) -> list[str]:
    return [call[0] for call in fake.calls]


def test_a_launch_is_captured_made_ready_replayed_and_given_back() -> None:
    fake = FakeLibrary()
    library = CudaLibrary(fake)
    graph = library.capture(STREAM, lambda: fake.calls.append(("launch",)))
    library.replay(graph, STREAM)
    library.forget(graph)
    assert graph == READY
    assert fake.calls == [
        ("cuStreamBeginCapture_v2", STREAM, 1),
        ("launch",),
        ("cuStreamEndCapture", STREAM),
        ("cuGraphInstantiateWithFlags", GRAPH, 0),
        ("cuGraphDestroy", GRAPH),
        ("cuGraphLaunch", READY, STREAM),
        ("cuGraphExecDestroy", READY),
    ]


@pytest.mark.parametrize("end", [0, 900])
def test_a_launch_that_fails_does_not_leave_the_stream_in_capture(end: int) -> None:
    fake = FakeLibrary()
    fake.fails["cuStreamEndCapture"] = end

    def launch() -> None:
        raise EngineError("TensorRT failed in execute_async_v3")

    with pytest.raises(EngineError, match="execute_async_v3"):
        CudaLibrary(fake).capture(STREAM, launch)
    assert "cuStreamEndCapture" in names(fake)
    assert ("cuGraphDestroy" in names(fake)) == (end == 0)


def test_what_cannot_be_captured_says_which_call_and_why() -> None:
    fake = FakeLibrary()
    fake.fails["cuStreamEndCapture"] = 900
    with pytest.raises(CudaError, match="cuStreamEndCapture: operation not permitted") as refusal:
        CudaLibrary(fake).capture(STREAM, lambda: None)
    assert not refusal.value.sticky


def test_a_graph_that_is_not_made_ready_is_given_back_all_the_same() -> None:
    fake = FakeLibrary()
    fake.fails["cuGraphInstantiateWithFlags"] = 700
    with pytest.raises(CudaError, match="an illegal memory access") as refusal:
        CudaLibrary(fake).capture(STREAM, lambda: None)
    assert refusal.value.sticky
    assert names(fake)[-1] == "cuGraphDestroy"


def test_the_context_of_the_device_is_reset_by_its_handle() -> None:
    fake = FakeLibrary()
    CudaLibrary(fake).reset(2)
    assert fake.calls == [("cuDevicePrimaryCtxReset_v2", 102)]


def test_an_old_driver_says_what_it_lacks() -> None:
    fake = FakeLibrary()
    fake.lacks.add("cuGraphInstantiateWithFlags")
    with pytest.raises(EngineError, match="no cuGraphInstantiateWithFlags; install a newer one"):
        CudaLibrary(fake).capture(STREAM, lambda: None)
    assert names(fake)[-1] == "cuGraphDestroy"


def test_without_libcuda_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pytest.raises(EngineError, match=r"libcuda.so.1 cannot be loaded .*Install NVIDIA's driver"):
        CudaLibrary()
