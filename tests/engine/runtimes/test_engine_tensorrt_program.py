"""A loaded plan on a TensorRT made of Python: names, shapes, what each version calls its second context."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asksight.engine import EngineError
from asksight.engine.base import TensorSpec
from asksight.engine.runtimes.tensorrt_program import TensorRtProgram


class Context:
    """An execution context that remembers what it was given."""

    def __init__(self, *, sized: bool) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.enqueued: list[int] = []
        self.device_memory: Any = None
        self.fails = False
        if sized:
            self.set_device_memory = lambda address, size: setattr(self, "device_memory", (address, size))

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = shape
        return shape[0] <= 8

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """`features` of a plan with free sizes is a quarter as wide as `image`."""
        rows, width = self.shapes["image"]
        return (rows, width // 4)

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self.enqueued.append(stream)
        return not self.fails


class Plan:
    """An engine of `image` [N, 3] and `features` [N, 5]; `modern` as 10.1 and later, else as 8.6."""

    num_io_tensors = 2

    def __init__(self, *, modern: bool) -> None:
        self.made: list[Context] = []
        self.asked: list[Any] = []
        self.full = False
        self._modern = modern
        if modern:
            self.device_memory_size_v2 = 1 << 33
        else:
            self.device_memory_size = 1 << 20
            self.create_execution_context_without_device_memory = lambda: self._make("bare")

    def create_execution_context(self, *strategy: str) -> Context | None:
        assert self._modern or not strategy
        return self._make(*strategy or ("static",))

    def _make(self, strategy: str) -> Context | None:
        self.asked.append(strategy)
        if self.full:
            return None
        self.made.append(Context(sized=self._modern))
        return self.made[-1]

    def get_tensor_name(self, place: int) -> str:
        return ("image", "features")[place]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == "image" else "out"

    def get_tensor_shape(self, name: str) -> tuple[int, int]:
        return (-1, 3) if name == "image" else (-1, 5)

    def get_tensor_dtype(self, name: str) -> str:
        return "float"

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, int]]:
        return [(1, 3), (4, 3), (8, 3)]


class Logger:
    """TensorRT's base class of loggers."""

    INTERNAL_ERROR, ERROR = "internal", "error"


def tensorrt(plan: Plan | None, *, modern: bool) -> Any:
    api = ModuleType("tensorrt")
    vars(api).update(
        __version__="10.9" if modern else "8.6",
        ILogger=Logger,
        Runtime=lambda logger: SimpleNamespace(deserialize_cuda_engine=lambda data: plan),
        TensorIOMode=SimpleNamespace(INPUT="in"),
        nptype=lambda kind: np.float32,
    )
    if modern:
        vars(api)["ExecutionContextAllocationStrategy"] = SimpleNamespace(USER_MANAGED="bare")
    return api


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "plan.engine").write_bytes(b"a plan")
    return tmp_path / "plan.engine"


@pytest.mark.parametrize("modern", [False, True])
def test_a_second_context_computes_in_the_memory_that_it_is_given(path: Path, modern: bool) -> None:
    plan = Plan(modern=modern)
    program = TensorRtProgram(path, api=tensorrt(plan, modern=modern))
    other = program.fork(4096)
    other.launch({"image": (2, 3)}, {"image": 1, "features": 2}, 7)
    program.launch({"image": (4, 3)}, {"image": 5, "features": 6}, 8)
    first, second = plan.made
    assert plan.asked == ["static", "bare"]
    assert second.device_memory == ((4096, 1 << 33) if modern else 4096)
    assert first.device_memory is None
    assert (first.shapes, first.enqueued) == ({"image": (4, 3)}, [8])
    assert (second.shapes, second.enqueued) == ({"image": (2, 3)}, [7])
    assert second.addresses == {"image": 1, "features": 2}


def test_names_shapes_and_sizes_are_the_plans_own(path: Path) -> None:
    program = TensorRtProgram(path, api=tensorrt(Plan(modern=True), modern=True))
    assert program.inputs == (TensorSpec(name="image", shape=(None, 3), dtype=np.dtype(np.float32)),)
    assert [one.name for one in program.outputs] == ["features"]
    assert program.most == {"image": (8, 3)}


def test_no_room_for_a_second_context_is_one_line(path: Path) -> None:
    plan = Plan(modern=True)
    program = TensorRtProgram(path, api=tensorrt(plan, modern=True))
    plan.full = True
    with pytest.raises(EngineError, match="no second execution context: it does not say why"):
        program.fork(4096)


def test_what_tensorrt_refuses_says_what_it_was(path: Path) -> None:
    plan = Plan(modern=True)
    program = TensorRtProgram(path, api=tensorrt(plan, modern=True))
    with pytest.raises(EngineError, match=r"refuses the shape \(9, 3\) of image"):
        program.launch({"image": (9, 3)}, {}, 0)
    plan.made[0].fails = True
    with pytest.raises(EngineError, match="failed in execute_async_v3"):
        program.launch({"image": (1, 3)}, {}, 0)


def test_a_plan_of_another_version_or_none_says_what_to_do(path: Path) -> None:
    with pytest.raises(EngineError, match=r"cannot load .*Compile the bundle on this machine"):
        TensorRtProgram(path, api=tensorrt(None, modern=True))
    with pytest.raises(EngineError, match=r"cannot be read .*Compile the bundle again"):
        TensorRtProgram(path.with_name("none"), api=tensorrt(None, modern=True))
    full = Plan(modern=True)
    full.full = True
    with pytest.raises(EngineError, match=r"no room for .*Serve smaller batches"):
        TensorRtProgram(path, api=tensorrt(full, modern=True))


def test_outputs_of_free_sizes_are_as_large_as_the_plan_says_for_these_inputs(path: Path) -> None:
    plan = Plan(modern=True)
    program = TensorRtProgram(path, api=tensorrt(plan, modern=True))
    assert program.given({"image": (2, 3)}) == {"features": (2, 5)}
    assert not plan.made[0].shapes  # nothing was asked of it
    plan.get_tensor_shape = lambda name: (-1, -1)  # type: ignore[method-assign]
    program = TensorRtProgram(path, api=tensorrt(plan, modern=True))
    assert program.given({"image": (2, 40)}) == {"features": (2, 10)}
    with pytest.raises(EngineError, match="refuses the shape"):
        program.given({"image": (9, 40)})
