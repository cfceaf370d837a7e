"""Who is let in to wait for an engine, what is taken out to run, and what is dropped."""

from __future__ import annotations

import asyncio
import time
from typing import TypeAlias

import pytest
from loop_rig import in_loop

from asksight.server.core.batching import BatchLimits
from asksight.server.core.row_queue import NEVER_S, Awaited, Row, RowQueue, fail, give_out
from asksight.server.errors import AskError, Cancelled, DeadlineExceeded, InternalError, Overloaded
from asksight.server.observer import Observer, Reason

NumberRow: TypeAlias = Row[int, int]


class Notes(Observer):
    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.dropped: list[tuple[Reason, int]] = []

    def queued(self, stage: str, rows: int) -> None:
        self.lengths.append(rows)

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        self.dropped.append((reason, count))


def queue(notes: Notes | None = None, *, max_batch: int = 2, capacity: int = 4) -> RowQueue[int, int]:
    limits = BatchLimits(max_batch=max_batch, queue_capacity=capacity)
    return RowQueue("numbers", limits, notes or Notes())


def future() -> asyncio.Future[int]:
    return asyncio.get_running_loop().create_future()


def row(
    item: int, *, until_s: float = NEVER_S, awaited_by: Awaited | None = None, caller: str = ""
) -> NumberRow:
    own = future()
    return Row(item, own, {own: until_s} if awaited_by is None else awaited_by, caller)


def filled(*rows: NumberRow, notes: Notes | None = None) -> RowQueue[int, int]:
    made = queue(notes)
    for one in rows:
        made.add(one)
    return made


@in_loop
async def test_a_row_is_wanted_until_all_who_wait_for_it_have_left() -> None:
    now_s = time.monotonic()
    first, second = future(), future()
    shared = row(1, awaited_by={first: now_s + 5, second: now_s + 9})
    assert shared.seen(now_s).deadline_in_s == pytest.approx(9.0)  # of the most patient
    second.cancel()
    assert shared.seen(now_s).deadline_in_s == pytest.approx(5.0)
    assert not shared.seen(now_s).cancelled
    first.cancel()
    assert shared.seen(now_s).cancelled
    patient = row(2, awaited_by={future(): now_s - 1, future(): NEVER_S})
    assert patient.seen(now_s).deadline_in_s is None
    assert row(3, awaited_by={}).seen(now_s).cancelled
    done = row(4)
    done.future.set_result(0)
    assert done.seen(now_s).cancelled  # it has its outcome already


@in_loop
async def test_those_who_join_while_it_waits_count_too() -> None:
    now_s = time.monotonic()
    waiters: dict[asyncio.Future[int], float] = {future(): now_s - 1}
    shared = row(1, awaited_by=waiters)
    assert shared.seen(now_s).expires_within(0)
    waiters[future()] = now_s + 60
    assert not shared.seen(now_s).expires_within(0)


@in_loop
async def test_what_is_taken_comes_out_in_order_and_the_rest_goes_on_waiting() -> None:
    notes = Notes()
    rows = [row(number) for number in range(5)]
    waiting = filled(*rows, notes=notes)
    assert waiting.take(2) == rows[:2]
    assert (len(waiting), notes.lengths, notes.dropped) == (3, [3], [])
    assert waiting.take(9) == rows[2:]
    assert len(waiting) == 0


@in_loop
async def test_who_sends_many_at_once_lets_others_in_between() -> None:
    waiting = queue(capacity=99, max_batch=9)
    waiting.rate.ran(rows=1, seconds=0.5)
    for number in range(6):
        waiting.add(row(number, caller="greedy"))
    for number in range(10, 13):
        waiting.add(row(number, caller=f"other{number}"))
    assert [one.item for one in waiting.take(4)] == [0, 10, 11, 12]
    waiting.add(row(13, caller="other10"))
    assert [one.item for one in waiting.take(2)] == [13, 1]
    assert [one.item for one in waiting.take(9)] == [2, 3, 4, 5]  # its own stay in order
    waiting.add(row(6, caller="greedy"))
    waiting.add(row(14, caller="other10"))
    assert [one.item for one in waiting.take(1)] == [6]  # what was served is no debt


@in_loop
async def test_who_sends_more_than_a_batch_holds_gets_a_part_of_each_while_others_are_about() -> None:
    waiting = queue(capacity=99, max_batch=8)
    waiting.rate.ran(rows=1, seconds=0.5)
    for number in range(30):
        waiting.add(row(number, caller="greedy"))
    assert [one.item for one in waiting.take(8)] == [*range(8)]  # nobody else is there
    for number in range(40, 48):
        waiting.add(row(number, caller="other"))  # no more than a batch holds
    waiting.add(row(48, caller="third"))
    assert sorted(one.item for one in waiting.take(8)) == [*range(40, 47), 48]
    assert [one.item for one in waiting.take(8)] == [47, 8]
    assert [one.item for one in waiting.take(8)] == [9]  # the others are likely to come again
    for number in range(50, 60):
        waiting.add(row(number, caller="greedy too"))
    waiting._ran_s.clear()  # the others have left
    assert len(waiting.take(8)) == 8


@in_loop
async def test_a_quick_engine_runs_whole_batches_for_everybody() -> None:
    waiting = queue(capacity=99, max_batch=8)
    waiting.rate.ran(rows=1000, seconds=0.001)
    for number in range(30):
        waiting.add(row(number, caller="greedy"))
    waiting.add(row(40, caller="other"))
    assert len(waiting.take(8)) == 8


@in_loop
async def test_who_had_many_is_as_others_once_none_of_them_waits() -> None:
    waiting = queue(capacity=99, max_batch=2)
    for number in range(4):
        waiting.add(row(number, caller="greedy"))
    while len(waiting):
        waiting.take(2)
    waiting.add(row(9, caller="other"))
    waiting.add(row(4, caller="greedy"))
    waiting.add(row(5, caller="greedy"))
    assert len(waiting.take(3)) == 3


@in_loop
async def test_nothing_is_taken_for_nobody() -> None:
    notes = Notes()
    left, late, live = row(1), row(2, until_s=time.monotonic()), row(3)
    left.future.cancel()
    waiting = filled(left, late, live, notes=notes)
    assert waiting.take(9) == [live]
    assert isinstance(late.future.exception(), DeadlineExceeded)
    assert notes.dropped == [(Reason.EXPIRED, 1), (Reason.CANCELLED, 1)]
    lonely = row(4, awaited_by={})
    assert filled(lonely).take(9) == []
    assert isinstance(lonely.future.exception(), Cancelled)


@in_loop
async def test_where_more_wait_than_fit_those_that_would_be_late_by_the_measured_time_make_room() -> None:
    now_s = time.monotonic()
    soon, later = row(1, until_s=now_s + 5), row(2, until_s=now_s + 600)
    crowded = filled(soon, later)
    crowded.rate.ran(1, 10.0)
    assert crowded.take(1) == [later]
    assert isinstance(soon.future.exception(), DeadlineExceeded)


@in_loop
async def test_a_full_queue_lets_nobody_in_and_says_when_it_will_be_empty() -> None:
    waiting = filled(*(row(number) for number in range(3)))
    waiting.rate.ran(1, 0.5)
    waiting.check_room(NEVER_S, running=2, coming=0)
    with pytest.raises(Overloaded) as refused:
        waiting.check_room(NEVER_S, running=2, coming=1)  # what is being made has its place already
    assert refused.value.retry_after_s == pytest.approx((3 + 2 + 1) * 0.5)
    waiting.add(row(4))
    with pytest.raises(Overloaded):
        waiting.check_room(NEVER_S, running=0, coming=0)


@in_loop
async def test_rows_that_nobody_waits_for_keep_nobody_out() -> None:
    dead = [row(number, until_s=time.monotonic()) for number in range(2)] + [row(2), row(3)]
    dead[2].future.cancel()
    waiting = filled(*dead)
    waiting.check_room(NEVER_S, running=0, coming=0)
    assert len(waiting) == 1


@pytest.mark.parametrize(
    ("waits", "running", "coming", "deadline_in_s", "let_in"),
    [
        # A row takes a second, a batch has two, and the engines have 0.7 of the time.
        (0, 0, 0, 0.1, True),  # the next batch may take it, and the estimate may be wrong
        (0, 1, 0, 0.1, True),
        (0, 2, 0, 5.5, False),
        (0, 2, 0, 6.0, True),
        (2, 0, 0, 5.5, False),
        (0, 0, 2, 5.5, False),
        (1, 1, 1, 7.0, False),
        (1, 1, 1, 7.5, True),
        (2, 0, 0, None, True),
    ],
)
@in_loop
async def test_who_would_come_too_late_is_refused_at_once(
    waits: int, running: int, coming: int, deadline_in_s: float | None, let_in: bool
) -> None:
    waiting = filled(*(row(number) for number in range(waits)))
    waiting.check_room(time.monotonic() + 0.1, running=99, coming=0)  # nothing was measured
    waiting.rate.ran(2, 2.0)
    deadline_s = NEVER_S if deadline_in_s is None else time.monotonic() + deadline_in_s
    if let_in:
        waiting.check_room(deadline_s, running=running, coming=coming)
        return
    with pytest.raises(Overloaded) as refused:
        waiting.check_room(deadline_s, running=running, coming=coming)
    assert refused.value.retry_after_s == pytest.approx(waits + running + coming)


@in_loop
async def test_each_row_gets_its_outcome_and_who_has_left_does_not_hear() -> None:
    rows = [row(number) for number in range(3)]
    rows[1].future.cancel()
    error = InternalError()
    outcomes: list[int | AskError] = [10, 11, error]
    give_out(rows, outcomes)
    assert rows[0].future.result() == 10
    assert rows[1].future.cancelled()
    assert rows[2].future.exception() is error
    fail(rows, InternalError("later"))  # those that have an outcome keep it
    assert rows[0].future.result() == 10


@in_loop
async def test_all_can_be_sent_away_at_once() -> None:
    notes = Notes()
    rows = [row(1), row(2)]
    waiting = filled(*rows, notes=notes)
    waiting.fail_all(InternalError())
    assert [type(one.future.exception()) for one in rows] == [InternalError, InternalError]
    assert (len(waiting), notes.lengths) == (0, [0])
