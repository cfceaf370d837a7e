"""Who is next where several callers wait: whoever has used least so far; first come, first served within each.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): whoever comes new begins where those are who are served now, not
at nothing, so that having been away is no credit; who has used more than that waits until the others have caught up.
A pure decision: what is used, in seconds, is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_CALLERS = 4096  # remembered though they are away, since they used more than others


@dataclass(slots=True)
class _Caller(Generic[T]):
    used_s: float
    waiting: deque[tuple[int, T]] = field(default_factory=deque)  # each with its number, in order of arrival
    running: int = 0

    @property
    def away(self) -> bool:
        return not self.waiting and not self.running


class FairQueue(Generic[T]):
    """Items of callers. Memory is bounded by what waits, and MOST_CALLERS."""

    def __init__(self) -> None:
        self._callers: dict[str, _Caller[T]] = {}
        self._served_s = 0.0  # what who was served last had used before
        self._numbers = count()

    def put(self, caller: str, item: T) -> None:
        """Let an item wait."""
        one = self._callers.get(caller)
        if one is None:
            self._make_room()
            one = self._callers[caller] = _Caller(self._served_s)
        elif one.away:
            one.used_s = max(one.used_s, self._served_s)
        one.waiting.append((next(self._numbers), item))

    def remove(self, caller: str, item: T) -> None:
        """Take an item out that waits no longer, unless it has been taken."""
        one = self._callers.get(caller)
        if one is not None:
            one.waiting = deque(pair for pair in one.waiting if pair[1] is not item)
            self._forget()

    def first(self, may_start: Callable[[T], bool]) -> tuple[str, T] | None:
        """The next item and its caller, of those whose first item may start."""
        waiting = [(one.used_s, *one.waiting[0], name) for name, one in self._callers.items() if one.waiting]
        able = [found for found in waiting if may_start(found[2])]
        if not able:
            return None
        *_, item, caller = min(able, key=lambda found: found[:2])
        return caller, item

    def take(self, caller: str, estimate_s: float) -> None:
        """The caller's first item starts, and is charged with what it will use by estimation."""
        one = self._callers[caller]
        one.waiting.popleft()
        one.running += 1
        self._served_s = max(self._served_s, one.used_s)
        one.used_s += estimate_s

    def settle(self, caller: str, more_s: float) -> None:
        """An item has ended, and used so much more, or less, than estimated."""
        one = self._callers[caller]
        one.running -= 1
        one.used_s += more_s
        self._forget()

    def items(self) -> list[T]:
        """All that wait."""
        return [item for one in self._callers.values() for _, item in one.waiting]

    def clear(self) -> None:
        """Let nothing wait any more."""
        for one in self._callers.values():
            one.waiting.clear()
        self._forget()

    @property
    def callers(self) -> int:
        """How many are remembered."""
        return len(self._callers)

    def _forget(self) -> None:
        if all(one.away for one in self._callers.values()):  # nobody is kept waiting by what any of them used
            self._callers.clear()

    def _make_room(self) -> None:
        """Before a newcomer is remembered, forget those who are away and have used no more than it, or the least."""
        if len(self._callers) < MOST_CALLERS:
            return
        away = sorted((one.used_s, name) for name, one in self._callers.items() if one.away)
        for place, (used_s, name) in enumerate(away):
            if place and used_s > self._served_s:
                break
            del self._callers[name]
