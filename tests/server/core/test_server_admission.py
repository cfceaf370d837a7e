"""Who is inside is counted once, and who does not fit is refused with a delay."""

from __future__ import annotations

import pytest

from asksight.server.core.admission import Admission
from asksight.server.errors import Overloaded, Stopping


def inside(admission: Admission) -> tuple[int, int, int]:
    return admission.calls, admission.asks, admission.size_bytes


def test_so_many_calls_are_let_in_and_the_next_when_one_leaves() -> None:
    admission = Admission(calls=2)
    admission.drained_in_s = lambda: 7.0
    admission.enter_call()
    admission.enter_call()
    with pytest.raises(Overloaded, match="Too many calls") as refused:
        admission.enter_call()
    assert refused.value.retry_after_s == 7.0
    with pytest.raises(Overloaded, match="Too many calls"):
        admission.check_call()
    admission.leave_call()
    admission.check_call()
    admission.enter_call()
    assert admission.calls == 2
    assert admission.came == 2  # refused ones too


def test_while_the_server_stops_nobody_is_let_in_and_all_are_told_when_to_come_back() -> None:
    admission = Admission()
    admission.enter_call()
    admission.stopping = True
    with pytest.raises(Stopping) as refused:
        admission.check_call()
    assert (refused.value.code, refused.value.retry_after_s) == ("UNAVAILABLE", 1.0)
    with pytest.raises(Stopping):  # whose message was on its way when it began to stop
        admission.enter_call()
    with admission.ask(10):  # of a call that was let in before
        assert inside(admission) == (1, 1, 10)
    assert admission.came == 1


def test_so_many_asks_are_let_in_and_each_leaves_with_its_block() -> None:
    admission = Admission(asks=2)
    with admission.ask(5), admission.ask(6):
        assert inside(admission) == (0, 2, 11)
        with pytest.raises(Overloaded, match="Too many asks"):
            admission.ask(0)
    with pytest.raises(ValueError, match="broken"), admission.ask(5):
        raise ValueError("broken")
    assert inside(admission) == (0, 0, 0)


def test_the_bytes_of_photos_are_bounded() -> None:
    admission = Admission(size_bytes=100)
    admission.drained_in_s = lambda: 3.0
    with admission.ask(60):
        with pytest.raises(Overloaded) as refused:
            admission.ask(41)
        assert refused.value.retry_after_s == 3.0
        with admission.ask(40), admission.ask(0):
            assert inside(admission) == (0, 3, 100)
    assert inside(admission) == (0, 0, 0)


def test_one_that_is_larger_than_all_is_let_in_alone() -> None:
    admission = Admission(size_bytes=100)
    with admission.ask(101), pytest.raises(Overloaded):
        admission.ask(0)
    with admission.ask(0), pytest.raises(Overloaded):
        admission.ask(101)
    assert inside(admission) == (0, 0, 0)
