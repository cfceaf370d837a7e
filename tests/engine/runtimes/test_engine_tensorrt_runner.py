"""The runner of TensorRT plans on a fake device: rows, halves, threads, and what follows each CUDA error."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from weakref import ref

import numpy as np
import pytest
from fake_cuda import DoublingProgram, FakeDriver, Rig, photos

from asksight.engine import EngineError, EngineLostError
from asksight.engine.plans.makers import maker
from asksight.engine.runtimes import cuda_library
from asksight.engine.runtimes.cuda_driver import PyCudaDriver
from asksight.engine.runtimes.cuda_error import CudaError
from asksight.engine.runtimes.device_thread import DeviceThread
from asksight.engine.runtimes.tensorrt_engine import TensorRtEngine
from asksight.engine.runtimes.warm import warm_up

STICKY = CudaError("cuMemcpyDtoHAsync", "an illegal memory access was encountered")


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(max_batch=32)
    yield made
    made.device.close()


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 31, 32])
def test_each_row_gets_its_own_result(rig: Rig, rows: int) -> None:
    rig.ask(rows)
    assert rig.programs[0].rows == ([rows] if rows < 16 else [rows // 2, rows - rows // 2])


def test_the_second_half_is_copied_in_before_the_first_is_waited_for(rig: Rig) -> None:
    rig.driver.calls.clear()
    rig.ask(32)
    wanted = ["cuMemcpyHtoDAsync", "cuEventRecord"] * 2 + ["cuStreamWaitEvent", "cuEventRecord"] * 2
    assert rig.driver.calls[:8] == wanted
    assert rig.driver.calls.count("cuStreamSynchronize") == 1


def test_buffers_are_allocated_once_for_all_batches(rig: Rig) -> None:
    allocated = rig.driver.calls.count("cuMemAlloc"), rig.driver.calls.count("cuMemHostAlloc")
    assert allocated == (4, 4)
    for rows in (1, 32, 7):
        rig.ask(rows, seed=rows)
    assert rig.driver.calls.count("cuMemAlloc") == 4


def test_sixteen_threads_are_served_by_the_one_that_holds_the_context(rig: Rig) -> None:
    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(rig.ask, 1 + turn % 32, seed=turn) for turn in range(200)]:
            done.result()
    assert rig.driver.contexts == 1


def test_a_result_is_not_overwritten_by_the_next_batch(rig: Rig) -> None:
    first = rig.engine.infer({"image": photos(2, 1)})["features"]
    rig.ask(2, seed=2)
    np.testing.assert_array_equal(first, 2 * photos(2, 1))


def lose(rig: Rig) -> None:
    rig.driver.failure, rig.driver.fail_in = STICKY, "cuMemcpyDtoHAsync"
    with pytest.raises(EngineLostError, match=r"CUDA failed in cuMemcpyDtoHAsync: an illegal memory access"):
        rig.ask(4)


def test_after_a_sticky_error_the_engine_is_lost_and_opened_anew_at_the_next_call(rig: Rig) -> None:
    lose(rig)
    assert rig.driver.contexts == 1
    rig.ask(4)
    assert (len(rig.programs), rig.driver.contexts) == (2, 2)


def test_another_engine_may_be_opened_in_the_place_of_the_lost_one(rig: Rig) -> None:
    lose(rig)
    new = TensorRtEngine(rig.device, rig.load, precision="fp16", max_batch=8)
    rig.engine.close()
    np.testing.assert_array_equal(new.infer({"image": photos(2)})["features"], 2 * photos(2))
    assert rig.driver.contexts == 2


def test_the_other_engine_of_the_device_is_loaded_again_too(rig: Rig) -> None:
    other = TensorRtEngine(rig.device, rig.load, precision="fp16", max_batch=8)
    lose(rig)
    np.testing.assert_array_equal(other.infer({"image": photos(2)})["features"], 2 * photos(2))
    rig.ask(4)
    assert len(rig.programs) == 4


def test_nothing_of_the_lost_context_is_kept_until_the_new_one(rig: Rig) -> None:
    other = TensorRtEngine(rig.device, rig.load, precision="fp16", max_batch=8)
    programs = [ref(program) for program in rig.programs]
    rig.programs.clear()
    rig.driver.failure, rig.driver.fail_in = STICKY, "cuMemcpyDtoHAsync"
    with pytest.raises(EngineLostError) as kept:
        rig.ask(4)
    gc.collect()
    assert [program() for program in programs] == [None, None]
    assert kept.value.__traceback__ is not None
    del other


def test_where_tensorrt_fails_the_card_is_asked_whether_it_is_lost(rig: Rig) -> None:
    rig.programs[0].failure = EngineError("TensorRT failed in execute_async_v3: it does not say why.")
    with pytest.raises(EngineError, match="execute_async_v3") as refusal:
        rig.ask(4)
    assert not isinstance(refusal.value, EngineLostError)
    rig.ask(4)
    rig.programs[0].failure = EngineError("TensorRT failed in execute_async_v3: it does not say why.")
    rig.driver.failure, rig.driver.fail_in = STICKY, "cuStreamSynchronize"
    with pytest.raises(EngineLostError):
        rig.ask(4)
    rig.ask(4)
    assert rig.driver.contexts == 2


def test_a_context_that_cannot_be_made_anew_is_lost_again_and_tried_again(rig: Rig) -> None:
    lose(rig)
    rig.driver.failure = CudaError("cuDevicePrimaryCtxReset", "unknown error")
    rig.driver.fail_in = "cuDevicePrimaryCtxReset"
    with pytest.raises(EngineLostError, match=r"The CUDA context cannot be made anew: .*unknown error"):
        rig.ask(4)
    rig.ask(4)


def test_an_error_that_is_not_sticky_leaves_the_engine_as_it_is(rig: Rig) -> None:
    rig.driver.failure = CudaError("cuMemcpyHtoDAsync", "invalid value", sticky=False)
    rig.driver.fail_in = "cuMemcpyHtoDAsync"
    with pytest.raises(CudaError, match="Ask again"):
        rig.ask(4)
    rig.ask(4)
    assert len(rig.programs) == 1


def test_without_room_on_the_card_opening_says_what_to_do() -> None:
    driver = FakeDriver()
    driver.failure = CudaError("cuMemAlloc", "out of memory", sticky=False)
    driver.fail_in = "cuMemAlloc"
    device = DeviceThread(driver)
    with pytest.raises(EngineError, match=r"out of memory. Serve with smaller batches"):
        TensorRtEngine(device, lambda: DoublingProgram(driver), precision="fp16", max_batch=8)
    device.close()


def test_the_plans_own_largest_batch_bounds_the_engine(rig: Rig) -> None:
    small = TensorRtEngine(
        rig.device, lambda: DoublingProgram(rig.driver, most=4), precision="fp16", max_batch=32
    )
    assert small.spec.max_batch == 4
    with pytest.raises(EngineError, match="The batch has 5 rows; the engine takes 1 to 4"):
        small.infer({"image": photos(5)})


def test_a_closed_engine_and_a_closed_device_say_so(rig: Rig) -> None:
    warm_up(rig.engine, [1, 16])
    rig.engine.close()
    with pytest.raises(EngineError, match="closed; open it again"):
        rig.ask(1)
    rig.device.close()
    with pytest.raises(EngineError, match="thread has ended"):
        rig.device.call(lambda: None)


def fake_pycuda(monkeypatch: pytest.MonkeyPatch, *, init_fails: bool = False, cards: int = 1) -> None:
    cuda = ModuleType("pycuda.driver")

    class Error(Exception):
        pass

    class Device:
        def __init__(self, number: int) -> None:
            self.number = number

        @staticmethod
        def count() -> int:
            return cards

    def init() -> None:
        if init_fails:
            raise Error("cuInit failed: no CUDA-capable device is detected")

    vars(cuda).update(Error=Error, Device=Device, init=init)
    package = ModuleType("pycuda")
    vars(package)["driver"] = cuda
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", cuda)


def test_without_pycuda_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(EngineError, match=r"pycuda is not installed .*pip install -e '\.\[tensorrt\]'"):
        maker("tensorrt").machine()


@pytest.mark.parametrize(
    ("init_fails", "cards", "said"),
    [(True, 0, "no NVIDIA GPU to be used .*cuInit failed"), (False, 0, "no GPU 0; this machine has 0")],
)
def test_without_a_card_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, init_fails: bool, cards: int, said: str
) -> None:
    fake_pycuda(monkeypatch, init_fails=init_fails, cards=cards)
    with pytest.raises(EngineError, match=said) as refusal:
        PyCudaDriver()
    assert "--engine auto" in str(refusal.value)


def test_a_reset_lets_go_of_the_context_and_has_cuda_destroy_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pycuda(monkeypatch)
    done: list[object] = []

    class Context:
        def __getattr__(self, name: str) -> Callable[[], None]:
            return lambda: done.append(name)

    class Library:
        def reset(self, number: int) -> None:
            done.append(("reset", number))
            if done.count(("reset", 0)) == 1:
                raise CudaError("cuDevicePrimaryCtxReset_v2", "unknown error")

        def capture(self, stream: int, launch: Callable[[], object]) -> int:
            launch()
            return stream + 1

        def replay(self, graph: int, stream: int) -> None:
            done.append((graph, stream))

        def forget(self, graph: int) -> None:
            done.append(graph)

    device = sys.modules["pycuda.driver"].Device
    monkeypatch.setattr(device, "retain_primary_context", lambda self: Context(), raising=False)
    monkeypatch.setattr(cuda_library, "CudaLibrary", Library)
    driver = PyCudaDriver()
    driver.open()
    with pytest.raises(CudaError, match="unknown error"):
        driver.reset()
    driver.reset()
    driver.close()
    assert done == ["push", "pop", "detach", ("reset", 0), ("reset", 0), "push", "pop"]
    done.clear()
    stream = SimpleNamespace(handle=6)
    graph = driver.capture(stream, lambda: done.append("launched"))
    driver.replay(graph, stream)
    driver.forget(graph)
    assert done == ["launched", (7, 6), 7]


def test_rows_of_several_sizes_give_results_of_theirs() -> None:
    """As lines of text do, in halves, by graphs and alone."""
    driver = FakeDriver()
    engine = TensorRtEngine(
        DeviceThread(driver),
        lambda: DoublingProgram(driver, width=40, free_width=True),
        precision="fp16",
        max_batch=32,
    )
    random = np.random.default_rng(0)
    for rows, width in ((1, 40), (20, 7), (3, 12), (20, 7), (3, 12), (20, 7), (20, 7), (20, 7), (32, 40)):
        image = random.normal(size=(rows, width)).astype(np.float32)
        np.testing.assert_array_equal(engine.infer({"image": image})["features"], 2 * image)
    assert driver.captured
    engine.close()
