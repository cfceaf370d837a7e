"""How much of the server one caller may take: calls at once, and asks a second; beyond that it is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import Overloaded

BURST_S = 1.0  # so many seconds' worth may come at once
RETRY_S = 0.5  # when too many of a caller's calls are under way; nobody knows when one of them ends


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a token's or certificate's name, or the address it comes from."""

    key: str
    name: str = ""  # for logs and metrics; empty for those who are known by their address only
    asks_per_s: float | None = None


class Bucket:
    """Lets in `rate` a second on average, at least one at once; its caller brings the clock."""

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST_S)
        self._left = self._most
        self._seen_s = now_s

    def owe(self, count: int) -> None:
        """Take so many more, whether they are there or not: nobody takes any before they have come."""
        self._left -= count

    def take(self, now_s: float) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        self._left = min(self._most, self._left + (now_s - self._seen_s) * self._rate)
        self._seen_s = now_s
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate


class Callers:
    """Counts the calls under way by caller. Lives in the event loop; it remembers named callers who have left."""

    def __init__(self, most_calls: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_calls = most_calls  # of one caller at once; None: as many as the server takes
        self._clock = clock
        self._calls: dict[str, int] = {}
        self._buckets: dict[tuple[str, float], Bucket] = {}  # as many as there are tokens with a rate

    def enter(self, caller: Caller) -> None:
        """Let one call in, which must `leave`. Raises Overloaded, and then it must not."""
        calls = self._calls.get(caller.key, 0)
        if self._most_calls is not None and calls >= self._most_calls:
            raise Overloaded(retry_after_s=RETRY_S, what=f"{calls} of your calls are under way already")
        if caller.asks_per_s is not None:
            now_s = self._clock()
            key = (caller.key, caller.asks_per_s)
            bucket = self._buckets.setdefault(key, Bucket(caller.asks_per_s, now_s))
            wait_s = bucket.take(now_s)
            if wait_s > 0:
                raise Overloaded(retry_after_s=wait_s, what=f"More than {caller.asks_per_s:g} asks a second")
        self._calls[caller.key] = calls + 1

    def owes(self, caller: Caller, asks: int) -> None:
        """Count so many asks beside the one that came in with the call."""
        if caller.asks_per_s is not None:
            self._buckets[caller.key, caller.asks_per_s].owe(asks)

    def leave(self, caller: Caller) -> None:
        """Let it out."""
        self._calls[caller.key] -= 1
        if self._calls[caller.key] == 0:
            del self._calls[caller.key]

    @property
    def inside(self) -> int:
        """How many callers have calls under way."""
        return len(self._calls)
