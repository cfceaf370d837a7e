"""Turns: one thread at a time, in the order in which they come; lent while the work needs no lock of Python's."""

from __future__ import annotations

from threading import Thread

import pytest
from server_rig import WAIT_S, until

from asksight.server.turns import Turn


def waiting(turn: Turn) -> int:
    return len(turn._queue)


def test_turns_come_one_after_the_other_in_order() -> None:
    turn, order = Turn(), []

    def work(number: int) -> None:
        with turn.taken():
            order.append(number)

    threads = [Thread(target=work, args=(number,)) for number in range(5)]
    with turn.taken():
        for count, thread in enumerate(threads, 1):
            thread.start()
            until(lambda count=count: waiting(turn) == count)  # type: ignore[misc]
        assert order == []
    for thread in threads:
        thread.join(WAIT_S)
    assert order == [0, 1, 2, 3, 4]
    assert not turn._taken


def test_a_turn_that_is_lent_is_had_by_another_and_comes_back() -> None:
    turn, order = Turn(), []

    def work() -> None:
        with turn.taken():
            order.append("other")

    other = Thread(target=work)
    with turn.taken():
        other.start()
        until(lambda: waiting(turn) == 1)
        with turn.lent():
            other.join(WAIT_S)
        order.append("first")
    assert order == ["other", "first"]


def test_an_error_gives_the_turn_back() -> None:
    turn = Turn()
    with pytest.raises(RuntimeError), turn.taken(), turn.lent():
        raise RuntimeError
    assert not turn._taken
