"""What a batcher runs: what waits together, nobody's rows never, and each row gets its own outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from batcher_rig import HANG_S, IDLE, Bench, Doubler, failure
from loop_rig import in_loop, move_on, soon, turns

from asksight.server.errors import (
    AskError,
    Cancelled,
    DeadlineExceeded,
    InternalError,
    InvalidAsk,
    Overloaded,
)
from asksight.server.observer import Reason


async def held(bench: Bench) -> asyncio.Future[int]:
    """One row inside the engine, so that what comes next waits."""
    row = bench.batcher.submit(0)
    await bench.next_job("run")
    return row


async def through(bench: Bench) -> None:
    """Let the engine do all that waits."""

    def is_through() -> bool:
        bench.let_go()
        return not bench.batcher.waiting and bench.batcher.state is IDLE

    await soon(is_through)


def batches(bench: Bench) -> list[list[int]]:
    return [job.items for job in bench.jobs if job.kind == "run"]


@in_loop
async def test_what_comes_in_one_turn_of_the_loop_runs_together() -> None:
    bench = Bench()
    rows = [bench.batcher.submit(number) for number in (1, 2, 3)]
    (await bench.next_job("run")).end()
    assert await asyncio.gather(*rows) == [2, 4, 6]
    assert batches(bench) == [[1, 2, 3]]
    await bench.batcher.close()


@in_loop
async def test_batches_grow_while_the_engine_is_busy() -> None:
    bench = Bench()
    await held(bench)
    rows = [bench.batcher.submit(number) for number in range(1, 7)]
    await through(bench)
    assert [row.result() for row in rows] == [2, 4, 6, 8, 10, 12]
    assert batches(bench) == [[0], [1, 2, 3, 4], [5, 6]]
    await bench.batcher.close()


@in_loop
async def test_a_full_queue_refuses_at_once_with_a_delay() -> None:
    bench = Bench()
    await held(bench)
    for number in range(6):
        bench.batcher.submit(number)
    for ask in (bench.batcher.submit, lambda _: bench.batcher.check_room()):
        with pytest.raises(Overloaded) as refused:
            ask(7)
        assert refused.value.retry_after_s is not None
        assert refused.value.retry_after_s > 0
    assert bench.batcher.waiting == 6
    await through(bench)
    await bench.batcher.close()


@in_loop
async def test_those_that_are_being_made_take_their_room_before_they_come() -> None:
    bench = Bench()
    await held(bench)
    for number in range(4):
        bench.batcher.submit(number)
    bench.batcher.check_room(coming=1)
    with pytest.raises(Overloaded):
        bench.batcher.check_room(coming=2)
    await through(bench)
    await bench.batcher.close()


@in_loop
async def test_who_was_let_in_before_its_item_was_made_is_not_refused_when_it_comes() -> None:
    bench = Bench()
    await held(bench)
    for number in range(6):
        bench.batcher.submit(number)
    waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    row = bench.batcher.submit(7, awaited_by={waiter: float("inf")})
    assert bench.batcher.waiting == 7
    await through(bench)
    assert row.result() == 14
    await bench.batcher.close()


@in_loop
async def test_rows_that_nobody_waits_for_keep_nobody_out() -> None:
    bench = Bench()
    await held(bench)
    dead = [bench.batcher.submit(number, time.monotonic()) for number in range(6)]
    live = bench.batcher.submit(7)
    assert [type(row.exception()) for row in dead] == [DeadlineExceeded] * 6
    await through(bench)
    assert live.result() == 14
    assert batches(bench) == [[0], [7]]
    await bench.batcher.close()


@in_loop
async def test_expired_and_cancelled_rows_are_dropped_and_never_run() -> None:
    bench = Bench()
    await held(bench)
    late = bench.batcher.submit(1, time.monotonic())
    gone = bench.batcher.submit(2)
    good = bench.batcher.submit(3, time.monotonic() + 600)
    gone.cancel()
    await through(bench)
    assert good.result() == 6
    assert isinstance(late.exception(), DeadlineExceeded)
    assert gone.cancelled()
    assert batches(bench) == [[0], [3]]
    assert bench.dropped == [(Reason.EXPIRED, 1), (Reason.CANCELLED, 1)]
    await bench.batcher.close()


@in_loop
async def test_a_row_that_all_who_shared_it_have_left_is_never_run() -> None:
    bench = Bench()
    await held(bench)
    loop = asyncio.get_running_loop()
    waiters = {loop.create_future(): float("inf"), loop.create_future(): time.monotonic() + 600}
    shared = bench.batcher.submit(1, awaited_by=waiters)
    first, second = waiters
    first.cancel()
    kept = bench.batcher.submit(2, awaited_by={second: float("inf"), first: float("inf")})
    second_left: asyncio.Future[int] = loop.create_future()
    second_left.cancel()
    lonely = bench.batcher.submit(3, awaited_by={first: float("inf"), second_left: float("inf")})
    await through(bench)
    assert (shared.result(), kept.result()) == (2, 4)  # one of those who shared them stayed
    assert isinstance(lonely.exception(), Cancelled)
    assert batches(bench) == [[0], [1, 2]]
    await bench.batcher.close()


@in_loop
async def test_who_leaves_while_its_row_is_inside_does_not_hear_and_others_do() -> None:
    bench = Bench()
    rows = [bench.batcher.submit(number) for number in (1, 2)]
    job = await bench.next_job("run")
    rows[0].cancel()
    job.end()
    assert await rows[1] == 4
    assert rows[0].cancelled()
    await bench.batcher.close()


@in_loop
async def test_a_failing_engine_fails_its_batch_and_tells_nothing_of_why() -> None:
    bench = Bench()
    row = bench.batcher.submit(1)
    (await bench.next_job("run")).end(RuntimeError("secret path /srv/model"))
    failed = await failure(row)
    assert isinstance(failed, InternalError)
    assert "secret" not in failed.message
    row = bench.batcher.submit(2)
    (await bench.next_job("run")).end()
    assert await row == 4
    await bench.batcher.close()


class Picky(Doubler):
    """Fails negative numbers alone; gives nothing for thirteen."""

    def __call__(self, items: Sequence[int]) -> list[int | AskError]:
        rows = super().__call__([one for one in items if one != 13])
        return [
            InvalidAsk("bad row", field="question") if isinstance(row, int) and row < 0 else row
            for row in rows
        ]


@in_loop
async def test_a_bad_row_fails_alone_and_a_missing_one_fails_its_batch() -> None:
    bench = Bench(Picky)
    rows = [bench.batcher.submit(number) for number in (1, -1, 3)]
    (await bench.next_job("run")).end()
    assert await rows[0] == 2
    assert isinstance(await failure(rows[1]), InvalidAsk)
    assert await rows[2] == 6
    rows = [bench.batcher.submit(number) for number in (1, 13)]
    (await bench.next_job("run")).end()
    assert [type(await failure(row)) for row in rows] == [InternalError, InternalError]
    await bench.batcher.close()


@in_loop
async def test_what_a_hung_engine_brings_in_the_end_is_dropped() -> None:
    bench = Bench()
    hung = bench.batcher.submit(1)
    late = await bench.next_job("run")
    move_on(HANG_S)
    assert isinstance(await failure(hung), InternalError)
    waiting = bench.batcher.submit(2)
    (await bench.next_job("open")).end()
    now = await bench.next_job("run")  # the other engine has it
    news = list(bench.news)
    late.end()
    await bench.workers(1)
    assert bench.news == news
    assert not waiting.done()
    now.end()
    assert await waiting == 4
    assert bench.batcher.state is IDLE
    await bench.batcher.close()


@in_loop
async def test_a_slow_engine_that_is_within_its_time_is_left_alone() -> None:
    bench = Bench()
    row = bench.batcher.submit(1)
    job = await bench.next_job("run")
    move_on(0.99 * HANG_S)
    await turns()
    job.end()
    assert await row == 2
    row = bench.batcher.submit(2)
    job = await bench.next_job("run")
    move_on(0.99 * HANG_S)  # the time of the job before is not its own
    await turns()
    job.end()
    assert await row == 4
    assert bench.news == ["batch", "batch"]
    await bench.batcher.close()
