"""The pool keeps its threads for the next work; Once does its own the first time only."""

from __future__ import annotations

from threading import Event, Thread, get_ident

import pytest
from server_rig import WAIT_S, until

from asksight.server.once import Once
from asksight.server.pool import Pool


def test_threads_are_kept_for_the_next_work_and_end_when_told() -> None:
    pool, seen = Pool("test"), []
    done = Event()

    def work() -> None:
        seen.append(get_ident())
        done.set()

    for _ in range(5):
        done.clear()
        pool.start(work)
        assert done.wait(WAIT_S)
        until(lambda: pool._idle == 1)
    assert len(seen) == 5
    assert pool._threads == 1
    gate = Event()
    for _ in range(3):
        pool.start(lambda: gate.wait(WAIT_S))
    assert pool._threads == 3
    gate.set()
    until(lambda: pool._idle == 3)
    pool.end()
    until(pool._work.empty)


def test_where_no_thread_can_be_had_that_is_said_and_the_next_work_gets_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_thread(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool, done = Pool("test"), Event()
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            pool.start(done.set)
    assert not done.is_set()
    pool.start(done.set)
    assert done.wait(WAIT_S)
    assert pool._threads == 1
    pool.end()


def test_once_is_once() -> None:
    calls: list[int] = []
    once = Once(lambda: calls.append(1))
    once()
    once()
    assert calls == [1]
