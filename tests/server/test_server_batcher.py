"""The batcher's promises, with an engine that waits, fails or miscounts when told to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from threading import Event

import pytest

from asksight.server.batcher import Batcher
from asksight.server.batching import BatchLimits, FailureStreak
from asksight.server.errors import (
    AskError,
    Cancelled,
    DeadlineExceeded,
    InternalError,
    InvalidAsk,
    Overloaded,
    Unavailable,
)
from asksight.server.patience import Cancellation, Patience

WAIT_S = 20.0  # for events that come at once; long, so that a slow machine fails no test


class Doubler:
    """An engine in miniature: doubles numbers, and waits or fails as told."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = Event()
        self.gate = Event()
        self.gate.set()
        self.failure: Exception | None = None

    def __call__(self, items: Sequence[int]) -> list[int | AskError]:
        self.batches.append(list(items))
        self.entered.set()
        assert self.gate.wait(WAIT_S)
        if self.failure is not None:
            raise self.failure
        return [InvalidAsk("bad row", field="question") if item < 0 else 2 * item for item in items]


@pytest.fixture
def doubler() -> Doubler:
    return Doubler()


@pytest.fixture
def batcher(doubler: Doubler) -> Iterator[Batcher[int, int]]:
    made = Batcher[int, int]("doubler", doubler, limits=BatchLimits(max_batch=4, queue_capacity=6))
    yield made
    doubler.gate.set()
    made.close(timeout_s=WAIT_S)


FOREVER = Patience()


def hold(doubler: Doubler, batcher: Batcher[int, int]) -> None:
    """Have the engine busy with one row, so that what comes next waits."""
    doubler.gate.clear()
    doubler.entered.clear()
    batcher.submit(0, FOREVER)
    assert doubler.entered.wait(WAIT_S)


def test_a_lone_row_runs_alone_at_once(batcher: Batcher[int, int], doubler: Doubler) -> None:
    assert batcher.submit(21, FOREVER).result(WAIT_S) == 42
    assert doubler.batches == [[21]]


def test_batches_grow_while_the_engine_is_busy(batcher: Batcher[int, int], doubler: Doubler) -> None:
    hold(doubler, batcher)
    futures = [batcher.submit(number, FOREVER) for number in range(1, 7)]
    doubler.gate.set()
    assert [future.result(WAIT_S) for future in futures] == [2, 4, 6, 8, 10, 12]
    assert doubler.batches == [[0], [1, 2, 3, 4], [5, 6]]


def test_a_full_queue_refuses_at_once_with_a_delay(batcher: Batcher[int, int], doubler: Doubler) -> None:
    hold(doubler, batcher)
    for number in range(6):
        batcher.submit(number, FOREVER)
    with pytest.raises(Overloaded) as refused:
        batcher.submit(7, FOREVER)
    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s > 0
    with pytest.raises(Overloaded):
        batcher.check_room(FOREVER)


def test_rows_that_nobody_waits_for_keep_nobody_out(batcher: Batcher[int, int], doubler: Doubler) -> None:
    hold(doubler, batcher)
    dead = [batcher.submit(number, Patience(time.monotonic())) for number in range(6)]
    live = batcher.submit(7, FOREVER)
    assert all(isinstance(future.exception(0), DeadlineExceeded) for future in dead)
    doubler.gate.set()
    assert live.result(WAIT_S) == 14
    assert doubler.batches == [[0], [7]]


def test_expired_and_cancelled_rows_are_dropped_and_never_run(
    batcher: Batcher[int, int], doubler: Doubler
) -> None:
    hold(doubler, batcher)
    cancellation = Cancellation()
    late = batcher.submit(1, Patience(time.monotonic()))
    gone = batcher.submit(2, Patience(None, cancellation))
    good = batcher.submit(3, Patience(time.monotonic() + 600))
    cancellation.cancel()
    doubler.gate.set()
    assert good.result(WAIT_S) == 6
    with pytest.raises(DeadlineExceeded):
        late.result(WAIT_S)
    with pytest.raises(Cancelled):
        gone.result(WAIT_S)
    assert doubler.batches == [[0], [3]]


def test_a_failing_engine_fails_its_batch_only(batcher: Batcher[int, int], doubler: Doubler) -> None:
    doubler.failure = RuntimeError("secret path /srv/model")
    with pytest.raises(InternalError) as failed:
        batcher.submit(1, FOREVER).result(WAIT_S)
    assert "secret" not in failed.value.message
    doubler.failure = None
    assert batcher.submit(2, FOREVER).result(WAIT_S) == 4


def test_a_bad_row_fails_alone(batcher: Batcher[int, int], doubler: Doubler) -> None:
    hold(doubler, batcher)
    futures = [batcher.submit(number, FOREVER) for number in (1, -1, 3)]
    doubler.gate.set()
    assert futures[0].result(WAIT_S) == 2
    with pytest.raises(InvalidAsk):
        futures[1].result(WAIT_S)
    assert futures[2].result(WAIT_S) == 6


def test_a_wrong_number_of_rows_fails_the_batch() -> None:
    batcher = Batcher[int, int]("short", lambda items: list(items)[1:], limits=BatchLimits())
    with pytest.raises(InternalError):
        batcher.submit(1, FOREVER).result(WAIT_S)
    batcher.close(timeout_s=WAIT_S)


def test_closing_finishes_what_waits(batcher: Batcher[int, int], doubler: Doubler) -> None:
    hold(doubler, batcher)
    futures = [batcher.submit(number, FOREVER) for number in (1, 2, 3)]
    doubler.gate.set()
    assert batcher.close(timeout_s=WAIT_S)
    assert [future.result(0) for future in futures] == [2, 4, 6]
    with pytest.raises(Unavailable):
        batcher.submit(4, FOREVER)


def test_closing_without_draining_fails_what_waits(batcher: Batcher[int, int], doubler: Doubler) -> None:
    hold(doubler, batcher)
    future = batcher.submit(1, FOREVER)
    assert not batcher.close(drain=False, timeout_s=0.01)  # the engine still holds its row
    with pytest.raises(Unavailable):
        future.result(0)
    assert [0] in doubler.batches
    assert [1] not in doubler.batches


def test_a_hung_engine_does_not_hold_up_closing(batcher: Batcher[int, int], doubler: Doubler) -> None:
    doubler.gate.clear()
    running = batcher.submit(0, FOREVER)
    assert doubler.entered.wait(WAIT_S)
    assert not batcher.close(timeout_s=0.01)
    with pytest.raises(Unavailable):
        running.result(0)


def test_health_follows_the_engine_and_a_probe_finds_it_well_again(doubler: Doubler) -> None:
    changes: list[bool] = []
    changed, probed = Event(), Event()

    def on_health() -> None:
        changes.append(watched.healthy)
        changed.set()

    watched = Batcher[int, int](
        "doubler", doubler, limits=BatchLimits(), probe=probed.set, on_health=on_health, probe_every_s=0.01
    )
    doubler.failure = RuntimeError("broken")
    for _ in range(FailureStreak.TOO_MANY):
        with pytest.raises(InternalError):
            watched.submit(1, FOREVER).result(WAIT_S)
    assert probed.wait(WAIT_S)  # nobody asks, and yet it recovers
    while len(changes) < 2:
        assert changed.wait(WAIT_S)
        changed.clear()
    assert changes == [False, True]
    watched.close(timeout_s=WAIT_S)
    assert not watched.healthy
