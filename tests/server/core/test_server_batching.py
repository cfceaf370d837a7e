"""The law of batching.py, on random queues: no threads, no clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksight.server.core.batching import (
    BULK_S,
    ENGINES_SHARE,
    LONGEST_RETRY_S,
    SHORTEST_RETRY_S,
    DrainRate,
    FailureStreak,
    Waiting,
    close_batch,
    hopeless,
    most_bulk,
)

rows = st.builds(
    Waiting,
    age_s=st.floats(0, 100),
    deadline_in_s=st.none() | st.floats(-10, 10),
    cancelled=st.booleans(),
    bulk=st.booleans(),
)


@given(st.lists(rows, max_size=60), st.integers(1, 40))
def test_every_row_has_one_fate(waiting: list[Waiting], max_batch: int) -> None:
    closing = close_batch(waiting, max_batch)
    named = [*closing.run, *closing.expired, *closing.cancelled]
    assert len(named) == len(set(named))
    assert set(named) <= set(range(len(waiting)))
    assert len(closing.run) <= max_batch


@given(st.lists(rows, max_size=60), st.integers(1, 40))
def test_nothing_runs_for_nobody(waiting: list[Waiting], max_batch: int) -> None:
    closing = close_batch(waiting, max_batch)
    for i, row in enumerate(waiting):
        expired = row.deadline_in_s is not None and row.deadline_in_s <= 0
        assert (i in closing.cancelled) == row.cancelled
        assert (i in closing.expired) == (expired and not row.cancelled)
        if i in closing.run:
            assert not row.cancelled
            assert not expired


@given(st.lists(rows, max_size=60), st.integers(1, 40), st.floats(0, 50))
def test_what_is_due_first_runs_first_and_none_stays_without_need(
    waiting: list[Waiting], max_batch: int, longest_wait_s: float
) -> None:
    closing = close_batch(waiting, max_batch, longest_wait_s=longest_wait_s)
    named = {*closing.run, *closing.expired, *closing.cancelled}
    due = [row.due_in_s(longest_wait_s) for row in waiting]
    left = [i for i in range(len(waiting)) if i not in named]
    if left:
        assert len(closing.run) == max_batch
        assert max(due[i] for i in closing.run) <= min(due[i] for i in left)
    assert [due[i] for i in closing.run] == sorted(due[i] for i in closing.run)


@given(st.lists(rows, max_size=60), st.integers(1, 40), st.integers(1, 10))
def test_only_so_many_rows_are_bulk_and_the_law_holds_for_these_and_for_the_others(
    waiting: list[Waiting], max_batch: int, at_most: int
) -> None:
    closing = close_batch(waiting, max_batch, most_bulk=at_most)
    named = {*closing.run, *closing.expired, *closing.cancelled}
    assert sum(waiting[i].bulk for i in closing.run) <= at_most
    for bulk in (False, True):
        due = [waiting[i].due_in_s(2.0) for i in closing.run if waiting[i].bulk == bulk]
        left = [row.due_in_s(2.0) for i, row in enumerate(waiting) if i not in named and row.bulk == bulk]
        if due and left:
            assert max(due) <= min(left)
        if left and len(closing.run) < max_batch:
            assert bulk
            assert len(due) == at_most


@given(st.integers(1, 64), st.floats(1e-6, 10))
def test_bulk_has_a_part_of_a_batch_or_all_that_takes_little_time(max_batch: int, row_s: float) -> None:
    part = most_bulk(max_batch, None)
    assert 1 <= part <= max(1, max_batch / 4)
    assert part <= most_bulk(max_batch, row_s) <= max_batch
    assert (most_bulk(max_batch, row_s) - part) * row_s <= BULK_S


def test_a_short_deadline_overtakes_a_long_one() -> None:
    closing = close_batch(
        [*[Waiting(age_s=0.5, deadline_in_s=9.0)] * 4, Waiting(age_s=0, deadline_in_s=0.1)], 2
    )
    assert closing.run == (4, 0)


def test_nothing_is_overtaken_for_ever() -> None:
    patient = Waiting(age_s=2.5)  # no deadline at all, and yet it has waited for too long
    closing = close_batch([*[Waiting(age_s=0, deadline_in_s=0.1)] * 9, patient], 3, longest_wait_s=2.0)
    assert closing.run[0] == 9


def test_rows_of_one_age_keep_their_order() -> None:
    closing = close_batch([Waiting(age_s=1.0)] * 5, 3)
    assert closing.run == (0, 1, 2)


@given(st.integers(0, 2000), st.floats(0.0001, 1), st.floats(0.001, 10), st.integers(1, 64))
def test_a_row_is_hopeless_only_behind_a_whole_batch_and_by_what_was_measured(
    ahead: int, row_s: float, deadline_in_s: float, max_batch: int
) -> None:
    assert not hopeless(ahead=ahead, row_s=None, deadline_in_s=deadline_in_s, max_batch=max_batch)
    assert not hopeless(ahead=ahead, row_s=row_s, deadline_in_s=None, max_batch=max_batch)
    said = hopeless(ahead=ahead, row_s=row_s, deadline_in_s=deadline_in_s, max_batch=max_batch)
    assert said == (ahead >= max_batch and (ahead + max_batch) * row_s > ENGINES_SHARE * deadline_in_s)


def test_where_more_wait_than_fit_rows_that_would_be_late_make_room() -> None:
    soon, later = Waiting(age_s=0.9, deadline_in_s=0.1), Waiting(age_s=0.1, deadline_in_s=0.9)
    crowded = close_batch([soon, soon, later, later], 2, batch_s=0.2)
    assert (crowded.run, crowded.expired) == ((2, 3), (0, 1))
    alone = close_batch(
        [soon, later], 2, batch_s=0.2
    )  # the estimate may be wrong, and it costs nobody anything
    assert (alone.run, alone.expired) == ((0, 1), ())


@given(st.lists(st.tuples(st.integers(1, 32), st.floats(0, 60)), max_size=20), st.integers(0, 5000))
def test_the_retry_delay_stays_within_its_bounds(batches: list[tuple[int, float]], waiting: int) -> None:
    rate = DrainRate()
    for count, seconds in batches:
        rate.ran(count, seconds)
    assert SHORTEST_RETRY_S <= rate.retry_after_s(waiting) <= LONGEST_RETRY_S


def test_the_retry_delay_follows_the_measured_rate() -> None:
    rate = DrainRate()
    for _ in range(100):
        rate.ran(10, 1.0)  # a tenth of a second a row
    assert rate.retry_after_s(50) == pytest.approx(5.0)


def test_an_engine_is_unhealthy_after_a_streak_of_failures_and_healthy_after_one_success() -> None:
    streak = FailureStreak()
    for _ in range(FailureStreak.TOO_MANY - 1):
        streak.batch(failed=True)
    assert streak.healthy
    streak.batch(failed=False)
    for _ in range(FailureStreak.TOO_MANY):
        streak.batch(failed=True)
    assert not streak.healthy
    streak.batch(failed=False)
    assert streak.healthy
