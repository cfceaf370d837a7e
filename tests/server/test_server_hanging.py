"""An engine that hangs: its batch fails, health says so, a new engine takes over, and what waited is answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event

import pytest
from server_rig import WAIT_S, until

from asksight.server.batcher import Batcher, Run
from asksight.server.batching import BatchLimits
from asksight.server.errors import AskError, InternalError, Unavailable
from asksight.server.patience import Patience
from asksight.server.watchdog import MOST_LEFT_BEHIND, Watchdog

FOREVER = Patience()
HANG_AFTER_S = 0.3  # long enough that a busy machine does not look like a hanging engine


class Hanging:
    """Engines in miniature that hang for as long as `hang` is set; `opened` counts those that replaced them."""

    def __init__(self) -> None:
        self.hang = True
        self.opened = 0
        self.entered = Event()
        self.gate = Event()
        self.runs: list[list[int]] = []
        self.broken_openings = 0

    def run(self, items: Sequence[int]) -> list[int | AskError]:
        self.runs.append(list(items))
        if self.hang:
            self.entered.set()
            assert self.gate.wait(10 * WAIT_S)
        return [2 * item for item in items]

    def reopen(self) -> Run[int, int]:
        if self.broken_openings:
            self.broken_openings -= 1
            raise RuntimeError("no memory")
        self.opened += 1
        return self.run


@pytest.fixture
def engines() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.gate.set()


@pytest.fixture
def batcher(engines: Hanging) -> Iterator[Batcher[int, int]]:
    made = Batcher[int, int]("doubler", engines.run, limits=BatchLimits(), probe_every_s=0.01)
    yield made
    engines.gate.set()
    made.close(timeout_s=WAIT_S)


def test_a_hung_batch_fails_and_what_waited_is_answered_by_a_new_engine(
    engines: Hanging, batcher: Batcher[int, int]
) -> None:
    health: list[bool] = []
    batcher._health._on_change = lambda: health.append(batcher.healthy)
    engines.broken_openings = 2
    hung = batcher.submit(1, FOREVER)
    assert engines.entered.wait(WAIT_S)
    waiting = [batcher.submit(number, FOREVER) for number in (2, 3)]
    engines.hang = False
    dog = Watchdog(batcher, engines.reopen, hang_after_s=HANG_AFTER_S)
    with pytest.raises(InternalError):
        hung.result(WAIT_S)
    assert [future.result(WAIT_S) for future in waiting] == [4, 6]
    assert engines.runs == [[1], [2, 3]]
    assert engines.opened == 1
    until(lambda: len(health) == 2)
    assert health == [False, True]
    engines.gate.set()  # the thread that was left behind comes back, and is not heard
    assert batcher.submit(5, FOREVER).result(WAIT_S) == 10
    assert not dog.stuck
    dog.stop()


def test_an_engine_that_hangs_again_and_again_is_given_up(
    engines: Hanging, batcher: Batcher[int, int]
) -> None:
    dog = Watchdog(batcher, engines.reopen, hang_after_s=HANG_AFTER_S)
    for _ in range(MOST_LEFT_BEHIND):
        with pytest.raises(InternalError):
            batcher.submit(1, FOREVER).result(WAIT_S)
    with pytest.raises(Unavailable):
        batcher.submit(1, FOREVER).result(WAIT_S)
    until(lambda: dog.stuck)
    assert not batcher.healthy
    with pytest.raises(Unavailable):
        batcher.submit(1, FOREVER)


def test_a_slow_engine_that_is_within_its_time_is_left_alone(
    engines: Hanging, batcher: Batcher[int, int]
) -> None:
    dog = Watchdog(batcher, engines.reopen, hang_after_s=WAIT_S)
    slow = batcher.submit(1, FOREVER)
    assert engines.entered.wait(WAIT_S)
    engines.gate.set()
    assert slow.result(WAIT_S) == 2
    assert engines.opened == 0
    dog.stop()
