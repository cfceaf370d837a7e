"""The memory that decoding takes is bounded and always given back, callers share fairly; who has left costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
from loop_rig import WAIT_S, HandLoop, happens, in_loop, turns

from asksight.server.core.decoders import LONG_S, Decoders

ROOM_BYTES = 100


class HeldJob:
    """A job that a thread is at until it is let go."""

    def __init__(
        self,
        decoders: Decoders,
        size_bytes: int,
        error: Exception | None = None,
        *,
        caller: str = "",
        estimate_s: float = 0.0,
    ) -> None:
        self.inside = Event()
        self.go = Event()
        self._error = error
        self.task = asyncio.create_task(
            decoders.run(self._work, size_bytes, caller=caller, estimate_s=estimate_s)
        )

    def _work(self) -> HeldJob:
        self.inside.set()
        assert self.go.wait(WAIT_S)
        if self._error is not None:
            raise self._error
        return self

    async def through(self) -> None:
        self.go.set()
        assert await asyncio.wait_for(self.task, WAIT_S) is self


def decoders(threads: int = 3) -> Decoders:
    return Decoders(threads, ROOM_BYTES, asyncio.get_running_loop())


@in_loop
async def test_what_fits_runs_together_and_gives_its_room_back() -> None:
    room = decoders()
    jobs = [HeldJob(room, 50), HeldJob(room, 50)]
    for job in jobs:
        await happens(job.inside)
    assert room.taken_bytes == 100
    for job in jobs:
        await job.through()
    assert (room.taken_bytes, room.waiting) == (0, 0)
    room.end()


@in_loop
async def test_what_does_not_fit_waits_though_a_thread_is_idle() -> None:
    room = decoders()
    first, second = HeldJob(room, 60), HeldJob(room, 50)
    await happens(first.inside)
    await turns()
    assert (room.waiting, room.taken_bytes) == (1, 60)
    assert not second.inside.is_set()
    await first.through()
    await second.through()
    room.end()


@in_loop
async def test_there_are_no_more_at_once_than_threads() -> None:
    room = decoders(threads=2)
    jobs = [HeldJob(room, 1) for _ in range(3)]
    await turns()
    assert (room.waiting, room.taken_bytes) == (1, 2)
    for job in jobs:
        await job.through()
    room.end()


@in_loop
async def test_one_that_is_larger_than_the_room_takes_all_of_it() -> None:
    room = decoders()
    large = HeldJob(room, 1000)
    small = HeldJob(room, 1)
    await happens(large.inside)
    await turns()
    assert (room.taken_bytes, room.waiting) == (ROOM_BYTES, 1)
    await large.through()
    await small.through()
    assert room.taken_bytes == 0
    room.end()


@in_loop
async def test_small_ones_do_not_overtake_a_big_one() -> None:
    room, order = decoders(), []

    async def enter(name: str, size_bytes: int) -> None:
        order.append(await room.run(lambda: name, size_bytes))

    held = HeldJob(room, 60)
    big = asyncio.create_task(enter("big", 100))
    await turns()
    small = asyncio.create_task(enter("small", 10))  # would fit, but the big one came first
    await turns()
    assert room.waiting == 2
    await held.through()
    await asyncio.wait_for(asyncio.gather(big, small), WAIT_S)
    assert order == ["big", "small"]
    room.end()


@in_loop
async def test_who_leaves_before_its_turn_frees_the_way_for_those_behind() -> None:
    room = decoders()
    held, big = HeldJob(room, 60), HeldJob(room, 100)
    small = HeldJob(room, 10)
    await turns()
    assert room.waiting == 2
    big.task.cancel()
    await happens(small.inside)  # while the first is still held
    assert not big.inside.is_set()
    assert (room.waiting, room.taken_bytes) == (0, 70)
    await small.through()
    await held.through()
    assert not big.inside.is_set()
    room.end()


@in_loop
async def test_who_leaves_while_it_runs_keeps_its_room_until_the_thread_is_through() -> None:
    room = decoders()
    gone, next_one = HeldJob(room, 100), HeldJob(room, 100)
    await happens(gone.inside)
    gone.task.cancel()
    with suppress(asyncio.CancelledError):
        await gone.task
    assert room.taken_bytes == 100
    assert not next_one.inside.is_set()
    gone.go.set()
    await next_one.through()
    assert room.taken_bytes == 0
    room.end()


@in_loop
async def test_a_failure_is_raised_where_it_is_awaited_and_gives_the_room_back() -> None:
    room = decoders(threads=1)
    broken = HeldJob(room, 100, ValueError("broken"))
    broken.go.set()
    with pytest.raises(ValueError, match="broken"):
        await broken.task
    assert room.taken_bytes == 0
    assert await room.run(lambda: "next", 100) == "next"
    room.end()


class CountingLoop(HandLoop):
    """Counts how often it is woken from a thread."""

    wakes = 0

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, **more: Any
    ) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(callback, *args, **more)


def test_what_several_threads_finish_at_once_wakes_the_loop_once() -> None:
    async def run(loop: CountingLoop) -> None:
        before = set(enumerate_threads())
        room = decoders()
        threads: set[Thread] = set(enumerate_threads()) - before
        jobs = [HeldJob(room, 10) for _ in range(3)]
        await turns()
        room.end()
        for job in jobs:
            job.go.set()
        for thread in threads:
            thread.join(WAIT_S)  # the loop is kept busy by this, and sees nothing of it
        assert loop.wakes == 1
        for job in jobs:
            await job.through()
        assert room.taken_bytes == 0

    loop = CountingLoop()
    loop.run_until_complete(run(loop))
    loop.close()


def named(room: Decoders, caller: str, order: list[str], estimate_s: float = 0.0) -> asyncio.Task[None]:
    async def enter() -> None:
        await room.run(lambda: order.append(caller), 1, caller=caller, estimate_s=estimate_s)

    return asyncio.create_task(enter())


@in_loop
async def test_a_caller_who_sends_many_keeps_others_waiting_for_one_at_most() -> None:
    order: list[str] = []
    times = count()
    room = Decoders(1, ROOM_BYTES, asyncio.get_running_loop(), clock=lambda: float(next(times)))
    held = HeldJob(room, 1)
    await happens(held.inside)
    jobs = [named(room, "many", order) for _ in range(4)]
    await turns()
    jobs += [named(room, "few", order) for _ in range(2)]
    await turns()
    await held.through()
    await asyncio.wait_for(asyncio.gather(*jobs), WAIT_S)
    assert order == ["many", "few", "many", "few", "many", "many"]
    room.end()


@in_loop
async def test_long_jobs_leave_a_thread_to_short_ones() -> None:
    room = decoders(threads=3)
    long = [HeldJob(room, 1, caller=f"{number}", estimate_s=2 * LONG_S) for number in range(4)]
    await turns()
    assert [job.inside.is_set() for job in long[2:]] == [False, False]
    assert room.waiting == 2
    short = HeldJob(room, 1, caller="short", estimate_s=LONG_S / 2)
    await short.through()
    for job in long:
        await job.through()
    assert (room.waiting, room.taken_bytes) == (0, 0)
    room.end()


@in_loop
async def test_one_thread_takes_long_jobs_too() -> None:
    room = decoders(threads=1)
    await HeldJob(room, 1, estimate_s=2 * LONG_S).through()
    room.end()
