"""Bodies on their way count with all that comes (Arrivals), and each has its time; then they may wait to be read.

Lives in the event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from ..core.arrivals import RETRY_S, Arrival, Arrivals, too_much
from ..errors import AskError, Overloaded


class Arriving:
    """The bodies that are not whole yet."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._bodies: set[Body] = set()
        self._waiting: Counter[str] = Counter()  # bytes of whole bodies

    @contextmanager
    def body(self, caller: str) -> Iterator[Body]:
        """Keep an account of one body for as long as it is read. Raises Overloaded where there are too many."""
        body = Body(self._arrivals, caller)
        self._arrivals.begin(body)
        self._bodies.add(body)
        try:
            yield body
        finally:
            self._bodies.remove(body)
            self._arrivals.left(body)

    @contextmanager
    def waiting(self, caller: str, count: int) -> Iterator[None]:
        """Hold so many bytes that wait for a thread to read them. Raises Overloaded where they are too many.

        They are no more on their way, so that nobody is refused on his way for them.
        """
        most = self._arrivals.limits.receiving_bytes
        if self._waiting.total() + count > most or self._waiting[caller] + count > most // 2:
            raise Overloaded(retry_after_s=RETRY_S, what="Too much of requests waits to be read already")
        self._waiting[caller] += count
        try:
            yield
        finally:
            self._waiting[caller] -= count
            self._waiting += Counter()  # forgets who holds nothing

    def end_all(self, error: AskError) -> None:
        """Refuse all that are not whole."""
        for body in self._bodies:
            body.end(error)


class Body(Arrival):
    """What has come of one body."""

    def __init__(self, arrivals: Arrivals, caller: str) -> None:
        super().__init__(caller)
        self._arrivals = arrivals
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
            self._arrivals.hold(self, 0)

    def end(self, error: AskError) -> None:
        """Refuse it, unless it is whole."""
        if self._receiving is not None and not self._receiving.expired():
            self._ended_by = error
            self._receiving.reschedule(asyncio.get_running_loop().time())

    def came(self, count: int) -> None:
        """Count so many more bytes. Raises Overloaded where it is ended for them."""
        if self._ended_by is None:
            self._arrivals.hold(self, self.bytes + count)
            if self._arrivals.has_too_much(self.caller):
                # Not a larger one, whose sender would only send it anew.
                self._arrivals.refuse(self, too_much())
            self._arrivals.end_what_is_too_much()
        if self._ended_by is not None:
            raise self._ended_by
