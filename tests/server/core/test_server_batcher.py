"""The batcher's table of states, every cell of it, with an engine whose every step is taken by hand."""

from __future__ import annotations

import pytest
from batcher_rig import CLOSED, HUNG, IDLE, LOST, RUNNING, TRY_S, TRYING, Bench, failure
from loop_rig import in_loop, move_on, soon, turns

from asksight.server.core.batcher import MOST_FAILED_REOPENINGS, MOST_LEFT_BEHIND, State
from asksight.server.errors import AskError, Reopening, Unavailable


@in_loop
async def test_an_idle_engine_runs_what_comes_at_once() -> None:
    bench = Bench()
    row = bench.batcher.submit(21)
    job = await bench.next_job("run")
    assert bench.batcher.state is RUNNING
    job.end()
    assert await row == 42
    assert bench.batcher.state is IDLE
    await bench.batcher.close()


@pytest.mark.parametrize(
    ("state", "event", "then", "once_more"),
    [
        (RUNNING, "done", IDLE, False),
        (RUNNING, "raises", IDLE, False),
        (RUNNING, "lost", LOST, False),
        (RUNNING, "hangs", HUNG, False),
        (TRYING, "done", IDLE, False),
        (TRYING, "raises", IDLE, False),
        (TRYING, "lost", LOST, False),
        (TRYING, "hangs", HUNG, False),
        (LOST, "done", IDLE, False),
        (LOST, "raises", LOST, True),
        (LOST, "lost", LOST, True),
        (LOST, "hangs", LOST, True),
        (HUNG, "done", IDLE, False),
        (HUNG, "raises", HUNG, True),
        (HUNG, "lost", HUNG, True),
        (HUNG, "hangs", HUNG, True),
    ],
)
@in_loop
async def test_what_becomes_of_the_worker_leads_to_the_next_state(
    state: State, event: str, then: State, once_more: bool
) -> None:
    bench = Bench()
    batcher = bench.batcher
    job = await bench.reach(state)
    assert batcher.state is state
    await bench.meets(event, job)
    assert batcher.state is then
    healthy = then is IDLE and (event == "done" or state is RUNNING)
    assert batcher.healthy == healthy
    opened = 1 + (state in (LOST, HUNG) and event == "done")
    assert len(bench.stages) == opened
    assert batcher.stage is bench.stages[-1]
    if opened == 2:  # one that hangs must not be touched, one that is lost gives its memory back
        assert bench.stages[0].closed == (state is LOST)
    if once_more:
        move_on(TRY_S)
        (await bench.next_job("open")).end()
        await soon(lambda: batcher.state is IDLE)
        assert batcher.healthy
    bench.let_go()
    await batcher.close()


@pytest.mark.parametrize(
    ("state", "event", "fate"),
    [
        (RUNNING, "done", "answered"),
        (RUNNING, "raises", "answered"),
        (RUNNING, "lost", "sent away"),
        (RUNNING, "hangs", "waits"),
        (TRYING, "done", "answered"),
        (TRYING, "raises", "answered"),
        (TRYING, "lost", "sent away"),
        (TRYING, "hangs", "waits"),
        (HUNG, "done", "answered"),
        (HUNG, "raises", "waits"),
        (HUNG, "lost", "waits"),
        (HUNG, "hangs", "waits"),
    ],
)
@in_loop
async def test_a_row_that_comes_meanwhile_waits_and_then_has_its_fate(
    state: State, event: str, fate: str
) -> None:
    bench = Bench()
    job = await bench.reach(state)
    row = bench.batcher.submit(7)
    await turns()
    assert bench.batcher.state is state
    assert bench.batcher.waiting == 1
    await bench.meets(event, job)
    if fate == "answered":
        (await bench.next_job("run")).end()
        assert await row == 14
    elif fate == "sent away":
        assert isinstance(await failure(row), Reopening)
    else:
        assert not row.done()
        assert bench.batcher.waiting == 1
    bench.let_go()
    await bench.batcher.close(drain=False)


@pytest.mark.parametrize(("state", "error"), [(LOST, Reopening), (CLOSED, Unavailable)])
@in_loop
async def test_in_these_states_a_row_is_refused_at_once(state: State, error: type[AskError]) -> None:
    bench = Bench()
    await bench.reach(state)
    for ask in (bench.batcher.submit, lambda item: bench.batcher.check_room()):
        with pytest.raises(error):
            ask(7)
    assert bench.batcher.waiting == 0
    bench.let_go()
    await bench.batcher.close()


@in_loop
async def test_after_hanging_again_and_again_only_a_new_process_helps() -> None:
    bench = Bench()
    job = await bench.reach(HUNG)
    row = bench.batcher.submit(7)
    for _ in range(MOST_LEFT_BEHIND - 1):
        await bench.meets("hangs", job)
        job = await bench.next_job("open")
        assert not bench.batcher.stuck
    await bench.meets("hangs", job)
    assert bench.batcher.state is CLOSED
    assert bench.batcher.stuck
    assert not bench.batcher.healthy
    assert isinstance(await failure(row), Unavailable)
    bench.let_go()


@in_loop
async def test_after_opening_a_lost_engine_in_vain_for_long_only_a_new_process_helps() -> None:
    bench = Bench()
    job = await bench.reach(LOST)
    for count in range(1, MOST_FAILED_REOPENINGS + 1):
        await bench.meets("raises", job)
        assert bench.batcher.failed_reopenings == count
        assert bench.batcher.stuck == (count == MOST_FAILED_REOPENINGS)
        move_on(TRY_S)
        job = await bench.next_job("open")
    await bench.meets("done", job)  # or it comes back all the same
    assert not bench.batcher.stuck
    await bench.batcher.close()
