"""What is on its way counts by whichever face it comes; beyond the bounds the caller that holds most gives way."""

from __future__ import annotations

import pytest

from asksight.server.core.arrivals import STRANGER, Arrival, Arrivals
from asksight.server.errors import AskError, Overloaded
from asksight.server.limits import Limits


class Message(Arrival):
    """One that notes how it was refused."""

    refused: AskError | None = None

    def end(self, error: AskError) -> None:
        self.refused = error


def coming(arrivals: Arrivals, caller: str, count: int, *, idle: bool = False) -> Message:
    """One of so many bytes, after which the bounds are looked at."""
    message = Message(caller, idle=idle)
    arrivals.begin(message)
    arrivals.hold(message, count)
    arrivals.end_what_is_too_much()
    return message


def test_one_caller_may_have_half_and_its_largest_goes() -> None:
    arrivals = Arrivals(Limits(receiving_bytes=100))
    large, small = coming(arrivals, "me", 40), coming(arrivals, "me", 10)
    assert large.refused is None
    more = coming(arrivals, "me", 1)
    assert isinstance(large.refused, Overloaded)
    assert small.refused is more.refused is None
    assert arrivals.bytes == 11


def test_who_holds_most_gives_way_to_a_caller_with_little() -> None:
    arrivals = Arrivals(Limits(receiving_bytes=100))
    first, second = coming(arrivals, "one", 50), coming(arrivals, "two", 49)
    other = coming(arrivals, "three", 2)
    assert isinstance(first.refused, Overloaded)
    assert second.refused is other.refused is None
    assert arrivals.bytes == 51


def test_strangers_have_half_together() -> None:
    arrivals = Arrivals(Limits(receiving_bytes=100))
    first, second = coming(arrivals, STRANGER + "a", 30), coming(arrivals, STRANGER + "b", 21)
    assert isinstance(first.refused, Overloaded)
    assert second.refused is None


def test_what_waits_for_its_beginning_goes_last() -> None:
    arrivals = Arrivals(Limits(receiving_bytes=100))
    waiting, slow = coming(arrivals, "me", 26, idle=True), coming(arrivals, "me", 26)
    assert isinstance(slow.refused, Overloaded)
    assert waiting.refused is None


def test_messages_are_counted_until_they_have_left() -> None:
    arrivals = Arrivals(Limits(receiving=4))
    mine = coming(arrivals, "me", 0)
    with pytest.raises(Overloaded, match="1 of your messages"):
        coming(arrivals, "me", 0)
    for caller in ("you", "they", "she"):
        coming(arrivals, caller, 0)
    arrivals.refuse(mine, Overloaded(retry_after_s=1.0, what="Too much"))
    with pytest.raises(Overloaded, match="4 messages"):
        coming(arrivals, "he", 0)
    arrivals.left(mine)
    coming(arrivals, "he", 0)


def test_what_has_left_holds_nothing() -> None:
    arrivals = Arrivals(Limits(receiving_bytes=100))
    for _ in range(3):
        message = coming(arrivals, "me", 50)
        arrivals.left(message)
    assert arrivals.bytes == 0
