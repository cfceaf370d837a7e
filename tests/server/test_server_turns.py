"""Turns: one thread at a time, in the order in which they come; lent while the work needs no lock of Python's."""

from __future__ import annotations

from threading import Event, Thread

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


def test_a_sleeper_that_is_called_wakes_when_its_turn_has_come_and_not_before() -> None:
    turn, woke, places = Turn(), Event(), []

    def sleep() -> None:
        with turn.taken(), turn.lent_until_called() as place:
            places.append(place)
            assert place.sleep(WAIT_S)
            woke.set()

    sleeper = Thread(target=sleep)
    sleeper.start()
    until(lambda: len(places) == 1 and not turn._taken)
    with turn.taken():
        for _ in range(3):  # the second and third do nothing
            places[0].call()
        assert waiting(turn) == 1
        assert not woke.wait(0.05)
    sleeper.join(WAIT_S)
    assert woke.is_set()
    assert not turn._taken
    assert waiting(turn) == 0


def test_a_sleeper_that_nobody_calls_goes_on_with_its_turn() -> None:
    turn = Turn()
    with turn.taken():
        with turn.lent_until_called() as place:
            assert not place.sleep(0.01)
            assert not turn._taken
        assert turn._taken
    assert not turn._taken


class Interrupted:
    """A lock whose wait Ctrl-C ends."""

    def __init__(self) -> None:
        self.acquired = 0

    def acquire(self) -> None:
        self.acquired += 1
        if self.acquired == 2:
            raise KeyboardInterrupt

    def release(self) -> None:
        pass


def test_ctrl_c_while_waiting_loses_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turn, has_it = Turn(), Event()

    def hold() -> None:
        with turn.taken():
            has_it.set()
            until(lambda: waiting(turn) == 1)

    other = Thread(target=hold)
    other.start()
    assert has_it.wait(WAIT_S)
    monkeypatch.setattr("asksight.server.turns.Lock", Interrupted)
    with pytest.raises(KeyboardInterrupt), turn.taken():
        pytest.fail("it was not waited for")
    other.join(WAIT_S)
    assert not turn._taken
    assert waiting(turn) == 0
