"""Keeps the time of an open loop: a thread sleeps until the next ask is due, since event loops count milliseconds.

Timers of uvloop fire up to a millisecond early or late, and asyncio's own late by 0.9, as much as an answer may take; a
sleeping thread wakes the loop within 0.1 to 0.2 ms.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator


class Pacer:
    """`begin(due_s)` is called in the loop for each moment of `due`; where the loop is behind, for several at once.

    The thread asks for one turn of the loop at a time, so that nothing heaps up in a loop that is far behind.
    """

    def __init__(
        self,
        due: Iterator[float],
        begin: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._due = due
        self._begin = begin
        self._clock = clock
        self._next = next(due, None)
        self._begun = threading.Event()
        self._ended = threading.Event()

    async def run(self) -> None:
        """Return when the last ask has begun."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=self._keep_time, args=(loop, over), name="pacer", daemon=True)
        thread.start()
        try:
            await over.wait()
        finally:
            self._ended.set()
            self._begun.set()
            thread.join()

    def _keep_time(self, loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
        while self._next is not None:
            if self._ended.wait(max(0.0, self._next - self._clock())):
                return
            self._begun.clear()
            loop.call_soon_threadsafe(self._begin_due)
            self._begun.wait()
        loop.call_soon_threadsafe(over.set)

    def _begin_due(self) -> None:
        now_s = self._clock()
        while self._next is not None and self._next <= now_s:
            self._begin(self._next)
            self._next = next(self._due, None)
        self._begun.set()
