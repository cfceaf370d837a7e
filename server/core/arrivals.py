"""Messages on their way, by whichever face they come: how many there are, how many bytes of them are held, and whose.

Where they become too much, those of the caller that holds most end first: whoever sends a small one is let in beside
others' large ones that stall. Lives in the event loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter

from ..errors import AskError, Overloaded
from ..limits import Limits
from ..trimming import Trimming

RETRY_S = 1.0  # nobody knows when others will have sent theirs
STRANGER = "stranger "  # begins the name of a caller who needs no token, as for health; together they have half of all


class Arrival(ABC):
    """One message that is on its way."""

    __slots__ = ("bytes", "caller", "idle")

    def __init__(self, caller: str, *, idle: bool = False) -> None:
        """One that may be `idle` waits for its beginning as long as it likes, and is ended last."""
        self.caller = caller
        self.idle = idle
        self.bytes = 0  # that are held of it

    @abstractmethod
    def end(self, error: AskError) -> None:
        """Refuse it."""


class Arrivals:
    """Counts what has come of messages that are not whole yet."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bytes = 0  # that are held of all
        self.trimming = Trimming()
        self._count = 0
        self._under_way: dict[Arrival, None] = {}  # that may be ended
        self._count_of: Counter[str] = Counter()
        self._bytes_of: Counter[str] = Counter()

    def begin(self, arrival: Arrival) -> None:
        """Count a message that `left` will be called for. Raises Overloaded where there are too many."""
        self._check_room(arrival.caller)
        self._under_way[arrival] = None
        self._count += 1
        for name in _names(arrival.caller):
            self._count_of[name] += 1

    def left(self, arrival: Arrival) -> None:
        """It is somebody else's now, or given up."""
        self.trimming.ended(arrival.bytes)
        self.hold(arrival, 0)
        self._under_way.pop(arrival, None)
        self._count -= 1
        for name in _names(arrival.caller):
            _take(self._count_of, name, 1)

    def hold(self, arrival: Arrival, count: int) -> None:
        """Say how many bytes are held of it now."""
        if count == arrival.bytes:
            return
        self.bytes += count - arrival.bytes
        for name in _names(arrival.caller):
            _take(self._bytes_of, name, arrival.bytes - count)
        arrival.bytes = count

    def end_what_is_too_much(self) -> None:
        """Refuse the largest messages of those who hold most, until the rest is within the bounds."""
        most = self.limits.receiving_bytes
        if self.bytes <= most and not any(map(self.has_too_much, self._bytes_of)):
            return
        # Of one connection's messages over gRPC nobody knows which holds how much; one that may be idle goes last.
        for one in sorted(
            self._under_way,
            key=lambda one: (self._bytes_of[one.caller], one.bytes, not one.idle),
            reverse=True,
        ):
            if self.bytes > most or any(map(self.has_too_much, _names(one.caller))):
                self.refuse(one, too_much())

    def has_too_much(self, caller: str) -> bool:
        """Whether one caller holds more than its half."""
        return self._bytes_of[caller] > self.limits.receiving_bytes // 2

    def refuse(self, arrival: Arrival, error: AskError) -> None:
        """End one, which counts no more; until it has `left` it still is one message."""
        self.trimming.ended(arrival.bytes)
        self.hold(arrival, 0)
        del self._under_way[arrival]
        arrival.end(error)

    def _check_room(self, caller: str) -> None:
        most = self.limits.receiving
        if self._count >= most:
            raise Overloaded(retry_after_s=RETRY_S, what=f"{most} messages are on their way already")
        if caller.startswith(STRANGER) and self._count_of[STRANGER] >= most // 2:
            raise Overloaded(
                retry_after_s=RETRY_S, what=f"{most // 2} messages without a token are on their way already"
            )
        if self._count_of[caller] >= most // 4:
            raise Overloaded(
                retry_after_s=RETRY_S, what=f"{most // 4} of your messages are on their way already"
            )


def too_much() -> Overloaded:
    """The refusal of what holds too much."""
    return Overloaded(retry_after_s=RETRY_S, what="Too much of messages is on its way already")


def _names(caller: str) -> tuple[str, ...]:
    """What a caller's messages count for: strangers have their room together, too."""
    return (caller, STRANGER) if caller.startswith(STRANGER) else (caller,)


def _take(counter: Counter[str], name: str, count: int) -> None:
    """Take away so many, and forget who has none: names come from anybody."""
    counter[name] -= count
    if not counter[name]:
        del counter[name]
