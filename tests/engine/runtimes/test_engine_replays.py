"""CUDA graphs on a fake device: captured for shapes that come again, replayed, dropped, and done without."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from fake_cuda import DoublingProgram, Rig

from asksight.engine import EngineError, EngineLostError
from asksight.engine.runtimes.cuda_error import CudaError
from asksight.engine.runtimes.replays import CAPTURED_AFTER, KEPT


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(max_batch=64)
    yield made
    made.device.close()


def test_a_shape_that_comes_again_is_captured_once_and_then_replayed(rig: Rig) -> None:
    rig.ask(4, CAPTURED_AFTER)
    assert rig.called("cuStreamBeginCapture") == 0
    rig.ask(4, 11)
    assert (rig.called("cuStreamBeginCapture"), rig.called("cuGraphLaunch")) == (1, 10)
    assert rig.programs[0].rows == [4] * CAPTURED_AFTER
    (context,) = rig.programs[0].forks
    assert context.rows == [4, 4]  # once to be ready, once captured


def test_each_half_of_a_large_batch_has_a_graph_of_its_own(rig: Rig) -> None:
    rig.ask(32, CAPTURED_AFTER + 2)
    assert (rig.called("cuStreamBeginCapture"), rig.called("cuGraphLaunch")) == (2, 2)


def test_each_graph_has_a_context_that_other_shapes_never_touch(rig: Rig) -> None:
    for rows in (1, 2, 5):
        rig.ask(rows, CAPTURED_AFTER + 1)
    for turn in range(12):  # interleaved: the fake gives wrong numbers where two share a context
        rig.ask(1 + turn % 5)
    assert len(rig.programs[0].forks) == 5 - 2
    assert len({context.scratch for context in rig.programs[0].forks}) == 1


def test_graphs_are_bounded_and_the_one_used_longest_ago_goes(rig: Rig) -> None:
    for rows in range(1, 16):
        rig.ask(rows, CAPTURED_AFTER + 1)
    rig.ask(1)  # used again, so that 2 is the oldest
    for rows in (30, 31):  # 15+15 rows and 15+16: three more, since 15 rows on the first side are there
        rig.ask(rows, CAPTURED_AFTER + 1)
    assert len(rig.driver.graphs) == KEPT
    replayed = rig.called("cuGraphLaunch")
    rig.ask(1)
    assert rig.called("cuGraphLaunch") == replayed + 1
    rig.ask(2)
    assert rig.called("cuGraphLaunch") == replayed + 1


@pytest.mark.parametrize("call", ["cuStreamBeginCapture", "cuStreamEndCapture"])
def test_where_capturing_fails_every_batch_is_launched_plainly_and_the_log_says_why(
    rig: Rig, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    caplog.set_level(logging.WARNING)
    rig.driver.failure = CudaError(call, "operation not permitted when stream is capturing")
    rig.driver.fail_in = call
    rig.ask(4, CAPTURED_AFTER + 5)
    rig.ask(7, CAPTURED_AFTER + 5)
    assert rig.called("cuGraphLaunch") == 0
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "CUDA graphs are not used" in said
    assert "not permitted" in said


def test_a_plan_that_gives_no_second_context_is_launched_plainly(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork(scratch: int) -> DoublingProgram:
        raise EngineError("TensorRT gives no second execution context: out of memory")

    monkeypatch.setattr(rig.programs[0], "fork", fork)
    rig.ask(4, CAPTURED_AFTER + 3)
    assert rig.called("cuStreamBeginCapture") == 0


def test_a_context_that_is_lost_takes_its_graphs_along_and_new_ones_are_captured(rig: Rig) -> None:
    rig.ask(4, CAPTURED_AFTER + 2)
    rig.driver.failure = CudaError("cuGraphLaunch", "an illegal memory access was encountered")
    rig.driver.fail_in = "cuGraphLaunch"
    with pytest.raises(EngineLostError):
        rig.ask(4)
    rig.ask(4, CAPTURED_AFTER + 2)
    assert rig.called("cuStreamBeginCapture") == 2
    assert rig.called("cuGraphExecDestroy") == 0


def test_a_sticky_error_while_capturing_loses_the_engine(rig: Rig) -> None:
    rig.ask(4, CAPTURED_AFTER)
    rig.driver.failure = CudaError("cuStreamBeginCapture", "unspecified launch failure")
    rig.driver.fail_in = "cuStreamBeginCapture"
    with pytest.raises(EngineLostError):
        rig.ask(4)
    rig.ask(4, CAPTURED_AFTER + 2)
    assert rig.called("cuGraphLaunch") == 1


def test_a_closed_engine_gives_its_graphs_back(rig: Rig) -> None:
    rig.ask(4, CAPTURED_AFTER + 1)
    rig.engine.close()
    rig.device.call(lambda: None)
    assert rig.driver.graphs == {}
