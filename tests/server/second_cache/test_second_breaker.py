"""When a Redis that fails is left alone: after five failures in a row, or many, and not after a few."""

from __future__ import annotations

import pytest

from asksight.server.second_cache.breaker import Breaker


def test_it_opens_at_the_fifth_failure_in_a_row_and_says_so_once() -> None:
    breaker = Breaker()
    assert [breaker.failed() for _ in range(7)] == [False] * 4 + [True, False, False]
    assert not breaker.closed
    breaker.close()
    assert breaker.closed
    assert [breaker.failed() for _ in range(5)] == [False] * 4 + [True]  # all that was before is forgotten


@pytest.mark.parametrize(("every", "opens"), [(10, False), (2, True)])
def test_every_tenth_failure_does_not_open_it_and_every_other_one_does(every: int, opens: bool) -> None:
    breaker = Breaker()
    for number in range(1000):
        if number % every == 0:
            breaker.failed()
        else:
            breaker.worked()
    assert breaker.closed != opens


def test_trials_come_more_and_more_seldom() -> None:
    breaker = Breaker()
    assert [breaker.next_trial_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    breaker.close()
    assert breaker.next_trial_s() == 1
