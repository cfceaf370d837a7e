"""A worker computes in order, tells the loop once a job, keeps nothing, and is not missed when it hangs."""

from __future__ import annotations

import asyncio
import weakref
from functools import partial
from threading import Event, Thread, get_ident
from threading import enumerate as enumerate_threads

from loop_rig import WAIT_S, HandLoop, happens, in_loop, soon, turns

from asksight.server.core.worker import Outcome, Worker


def thread_of(name: str) -> Thread:
    (thread,) = (one for one in enumerate_threads() if one.name == name)
    return thread


@in_loop
async def test_jobs_run_in_a_thread_in_order_and_are_told_of_in_the_loop() -> None:
    worker = Worker("in-order", asyncio.get_running_loop())
    told: list[tuple[int, object]] = []
    computed_by: list[int] = []

    def job(number: int) -> int:
        computed_by.append(get_ident())
        return number

    def tell(outcome: Outcome[int]) -> None:
        told.append((get_ident(), outcome.value))

    for number in range(5):
        worker.run(partial(job, number), tell)
    await soon(lambda: len(told) == 5)
    assert told == [(get_ident(), number) for number in range(5)]
    assert set(computed_by) == {thread_of("in-order").ident}
    worker.end()


@in_loop
async def test_what_a_job_raises_is_its_outcome_and_the_next_is_done() -> None:
    worker = Worker("raising", asyncio.get_running_loop())
    outcomes: list[Outcome[object]] = []
    error = ValueError("broken")

    def broken() -> object:
        raise error

    worker.run(broken, outcomes.append)
    worker.run(lambda: "fine", outcomes.append)
    await soon(lambda: len(outcomes) == 2)
    assert outcomes == [Outcome(None, error), Outcome("fine")]
    worker.end()


@in_loop
async def test_after_its_end_it_does_what_it_was_given_and_its_thread_ends() -> None:
    worker = Worker("ending", asyncio.get_running_loop())
    inside, gate, outcomes = Event(), Event(), list[object]()

    def held() -> str:
        inside.set()
        assert gate.wait(WAIT_S)
        return "first"

    worker.run(held, lambda outcome: outcomes.append(outcome.value))
    worker.run(lambda: "second", lambda outcome: outcomes.append(outcome.value))
    await happens(inside)
    thread = thread_of("ending")
    worker.end()
    gate.set()
    await asyncio.to_thread(thread.join, WAIT_S)
    await turns()
    assert outcomes == ["first", "second"]
    assert not thread.is_alive()


@in_loop
async def test_one_that_hangs_keeps_no_process_from_ending() -> None:
    worker = Worker("daemon", asyncio.get_running_loop())
    assert thread_of("daemon").daemon
    worker.end()


def test_what_comes_when_the_loop_is_closed_is_dropped() -> None:
    loop = HandLoop()
    worker = Worker("late", loop)
    inside, gate, told = Event(), Event(), list[object]()

    def held() -> None:
        inside.set()
        assert gate.wait(WAIT_S)

    worker.run(held, told.append)
    assert inside.wait(WAIT_S)
    thread = thread_of("late")
    worker.end()
    loop.close()
    gate.set()
    thread.join(WAIT_S)  # an error in it would fail this test
    assert not thread.is_alive()
    assert told == []


@in_loop
async def test_between_two_jobs_it_holds_nothing_of_the_first() -> None:
    class Batch:
        """Rows, say."""

    worker = Worker("forgetful", asyncio.get_running_loop())
    batch, told = Batch(), Event()
    kept = weakref.ref(batch)
    worker.run(lambda batch=batch: str(batch), lambda _: told.set())  # type: ignore[misc]
    del batch
    await soon(told.is_set)
    await soon(lambda: kept() is None)
    worker.end()
