"""Waiting ends with whatever comes first: the result, the deadline, or the caller's leaving."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from asksight.server.errors import Cancelled, DeadlineExceeded
from asksight.server.patience import Cancellation, Crowd, Patience


def done(value: int) -> Future[int]:
    future: Future[int] = Future()
    future.set_result(value)
    return future


def test_a_result_that_is_there_is_returned_at_once() -> None:
    assert Patience(time.monotonic() + 60).wait_for(done(3)) == 3


def test_a_deadline_ends_the_wait() -> None:
    with pytest.raises(DeadlineExceeded):
        Patience(time.monotonic() + 0.01).wait_for(Future())


def test_a_deadline_that_has_passed_fails_the_check() -> None:
    with pytest.raises(DeadlineExceeded):
        Patience(time.monotonic() - 1).check()


def test_cancelling_wakes_a_waiter() -> None:
    cancellation, waits = Cancellation(), Event()
    patience = Patience(None, cancellation)

    class Announced(Future[int]):
        def add_done_callback(self, fn: object) -> None:  # called when the wait begins
            waits.set()

    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(patience.wait_for, Announced())
        assert waits.wait(10)
        cancellation.cancel()
        with pytest.raises(Cancelled):
            waiter.result(10)


def test_a_plain_function_is_asked_while_waiting() -> None:
    answers = iter([False, False, True])
    patience = Patience(None, lambda: next(answers))
    with pytest.raises(Cancelled):
        patience.wait_for(Future())
    assert patience.cancelled()


def test_waiting_leaves_nothing_behind_in_the_cancellation() -> None:
    cancellation = Cancellation()
    for _ in range(3):
        Patience(None, cancellation).wait_for(done(1))
    assert cancellation._wake == []


def test_a_late_subscriber_is_called_at_once() -> None:
    cancellation, woken = Cancellation(), Event()
    cancellation.cancel()
    cancellation.subscribe(woken.set)
    assert woken.is_set()


def test_a_crowd_waits_as_long_as_its_most_patient_member() -> None:
    crowd = Crowd(Patience(10.0))
    crowd.join(Patience(30.0))
    crowd.join(Patience(20.0))
    assert crowd.deadline_s() == 30.0
    crowd.join(Patience(None))
    assert crowd.deadline_s() is None


def test_a_crowd_forgets_the_members_who_left_and_is_cancelled_with_the_last() -> None:
    first, second = Cancellation(), Cancellation()
    crowd = Crowd(Patience(None, first))
    crowd.join(Patience(20.0, second))
    assert crowd.deadline_s() is None
    first.cancel()
    assert crowd.deadline_s() == 20.0
    assert not crowd.cancelled()
    second.cancel()
    assert crowd.cancelled()
