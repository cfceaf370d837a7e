"""Bodies on their way: how many bytes of them are held, in all and for each caller. Lives in the event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Overloaded
from ..limits import Limits
from ..trimming import Trimming

RETRY_S = 1.0  # nobody knows when others will have sent theirs


class Arriving:
    """Counts what has come of bodies that are not whole yet."""

    def __init__(self, limits: Limits) -> None:
        self._most_bytes = limits.receiving_bytes
        self._most = limits.receiving
        self._trimming = Trimming()
        self._bytes_of: Counter[str] = Counter()
        self._bodies_of: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many bytes are held in all."""
        return self._bytes_of.total()

    @contextmanager
    def body(self, caller: str) -> Iterator[Body]:
        """Keep an account of one body for as long as it is read. Raises Overloaded where there are too many."""
        if self._bodies_of.total() >= self._most or self._bodies_of[caller] >= self._most // 4:
            raise Overloaded(retry_after_s=RETRY_S, what="Too many requests are on their way already")
        self._bodies_of[caller] += 1
        body = Body(self, caller)
        try:
            yield body
        finally:
            self._bodies_of[caller] -= 1
            self._bytes_of[caller] -= body.bytes
            self._trimming.ended(body.bytes)
            self._bodies_of += Counter()  # forgets who holds nothing
            self._bytes_of += Counter()

    def came(self, caller: str, count: int) -> None:
        """Count so many more. Raises Overloaded where they are too many."""
        self._bytes_of[caller] += count
        if self._bytes_of[caller] > self._most_bytes // 2 or self.held > self._most_bytes:
            raise Overloaded(retry_after_s=RETRY_S, what="Too much of requests is on its way already")


class Body:
    """What has come of one body."""

    def __init__(self, arriving: Arriving, caller: str) -> None:
        self.bytes = 0
        self._arriving = arriving
        self._caller = caller

    def came(self, count: int) -> None:
        """Count so many more bytes. Raises Overloaded where they are too many."""
        self.bytes += count
        self._arriving.came(self._caller, count)
