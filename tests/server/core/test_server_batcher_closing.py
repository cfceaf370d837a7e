"""How a batcher ends: from every state, whatever goes wrong meanwhile, and within the time that is given."""

from __future__ import annotations

import asyncio

import pytest
from batcher_rig import CLOSED, HUNG, LOST, RUNNING, TRYING, Bench, failure
from loop_rig import WAIT_S, in_loop, turns

from asksight.server.core.batcher import State
from asksight.server.errors import AskError, Reopening, Unavailable


@pytest.mark.parametrize("state", State)
@in_loop
async def test_closing_leads_to_the_end_from_everywhere(state: State) -> None:
    bench = Bench()
    job = await bench.reach(state)
    closing = asyncio.create_task(bench.batcher.close())
    await turns()
    assert not bench.batcher.healthy
    if job is not None:
        assert not closing.done()  # whoever is inside the engine comes out of it first
        job.end()
    await asyncio.wait_for(closing, WAIT_S)
    assert bench.batcher.state is CLOSED
    hung = [True] if state is HUNG else []  # it must not be touched; any other gives its memory back
    assert [not stage.closed for stage in bench.stages[: len(hung)]] == hung
    assert all(stage.closed for stage in bench.stages[len(hung) :])
    assert len(bench.stages) == 1 + (state in (LOST, HUNG))
    with pytest.raises(Unavailable):
        bench.batcher.submit(1)


@pytest.mark.parametrize("state", [RUNNING, TRYING])
@pytest.mark.parametrize(("event", "wanted"), [("raises", 14), ("lost", Reopening), ("hangs", Unavailable)])
@in_loop
async def test_a_failure_while_closing_decides_what_the_waiting_row_gets(
    state: State, event: str, wanted: int | type[AskError]
) -> None:
    """An engine that raises still runs what waits; a lost or hung one cannot, and is not opened again."""
    bench = Bench()
    job = await bench.reach(state)
    row = bench.batcher.submit(7)
    closing = asyncio.create_task(bench.batcher.close())
    await turns()
    assert not row.done()
    await bench.meets(event, job)
    if event == "raises":
        (await bench.next_job("run")).end()
    await asyncio.wait_for(closing, WAIT_S)
    assert row.done()
    error = row.exception()
    assert (row.result() if error is None else type(error)) == wanted
    assert bench.batcher.state is CLOSED
    assert len(bench.stages) == 1
    assert bench.stages[0].closed == (event != "hangs")  # a hung engine must not be touched
    bench.let_go()


@pytest.mark.parametrize("state", [LOST, HUNG])
@pytest.mark.parametrize("event", ["raises", "lost", "hangs"])
@in_loop
async def test_a_failed_opening_while_closing_does_not_stop_the_closing(state: State, event: str) -> None:
    bench = Bench()
    job = await bench.reach(state)
    row = None
    if state is HUNG:
        row = bench.batcher.submit(7)
    else:
        with pytest.raises(Reopening):
            bench.batcher.submit(7)
    closing = asyncio.create_task(bench.batcher.close())
    await turns()
    if row is not None:  # there is no engine left that could run it
        assert type(await failure(row)) is Unavailable
    await bench.meets(event, job)
    await asyncio.wait_for(closing, WAIT_S)
    assert bench.batcher.state is CLOSED
    assert len(bench.stages) == 1
    assert bench.stages[0].closed == (state is LOST)  # a hung engine must not be touched
    bench.let_go()


@in_loop
async def test_closing_between_two_tries_to_open_another_engine_waits_for_none() -> None:
    bench = Bench()
    await bench.meets("raises", await bench.reach(LOST))
    await asyncio.wait_for(bench.batcher.close(), WAIT_S)
    assert bench.stages[0].closed


@in_loop
async def test_closing_finishes_what_waits() -> None:
    bench = Bench()
    rows = [bench.batcher.submit(0)]
    first = await bench.next_job("run")
    rows += [bench.batcher.submit(number) for number in (1, 2, 3)]
    closing = asyncio.create_task(bench.batcher.close())
    await turns()
    with pytest.raises(Unavailable):
        bench.batcher.submit(4)
    first.end()
    (await bench.next_job("run")).end()
    await asyncio.wait_for(closing, WAIT_S)
    assert [row.result() for row in rows] == [0, 2, 4, 6]
    assert bench.stages[0].closed


@in_loop
async def test_closing_without_draining_fails_what_waits_and_lets_out_who_is_inside() -> None:
    bench = Bench()
    inside = bench.batcher.submit(0)
    job = await bench.next_job("run")
    waiting = bench.batcher.submit(1)
    closing = asyncio.create_task(bench.batcher.close(drain=False))
    await turns()
    assert isinstance(waiting.exception(), Unavailable)
    job.end()
    await asyncio.wait_for(closing, WAIT_S)
    assert inside.result() == 0
    assert [one.items for one in bench.jobs] == [[0]]


@in_loop
async def test_who_is_still_inside_after_the_time_given_is_failed_and_the_engine_left_alone() -> None:
    bench = Bench()
    rows = [bench.batcher.submit(0)]
    job = await bench.next_job("run")
    rows.append(bench.batcher.submit(1))
    await bench.batcher.close(timeout_s=0)
    assert [type(await failure(row)) for row in rows] == [Unavailable, Unavailable]
    assert not bench.stages[0].closed
    job.end()
    await bench.batcher.close()  # does nothing


@in_loop
async def test_what_comes_back_after_the_end_is_not_heard() -> None:
    bench = Bench()
    row = bench.batcher.submit(0)
    job = await bench.next_job("run")
    await bench.batcher.close(timeout_s=0)
    news = list(bench.news)
    job.end()
    await bench.workers(0)
    assert isinstance(await failure(row), Unavailable)
    assert bench.batcher.state is CLOSED
    assert bench.news == news
