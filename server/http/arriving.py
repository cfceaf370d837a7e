"""Bodies on their way: how many bytes of them are held, in all and for each caller, and for how long.

Lives in the event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from ..errors import AskError, Overloaded
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
        self._bodies: set[Body] = set()

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
        self._bodies.add(body)
        try:
            yield body
        finally:
            self._bodies.remove(body)
            self._bodies_of[caller] -= 1
            self._bytes_of[caller] -= body.bytes
            self._trimming.ended(body.bytes)
            self._bodies_of += Counter()  # forgets who holds nothing
            self._bytes_of += Counter()

    def end_all(self, error: AskError) -> None:
        """Refuse all that are not whole."""
        for body in self._bodies:
            body.end(error)

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
        self._receiving: asyncio.Timeout | None = None
        self._ended_by: AskError | None = None

    @asynccontextmanager
    async def whole_within(self, seconds: float) -> AsyncIterator[None]:
        """Receive it. Raises TimeoutError where it is not whole by then, and the error that it was ended with."""
        try:
            async with asyncio.timeout(seconds) as self._receiving:
                yield
        except TimeoutError:
            if self._ended_by is not None:
                raise self._ended_by from None
            raise
        finally:
            self._receiving = None

    def end(self, error: AskError) -> None:
        """Refuse it, unless it is whole."""
        if self._receiving is not None and not self._receiving.expired():
            self._ended_by = error
            self._receiving.reschedule(asyncio.get_running_loop().time())

    def came(self, count: int) -> None:
        """Count so many more bytes. Raises Overloaded where they are too many."""
        self.bytes += count
        self._arriving.came(self._caller, count)
