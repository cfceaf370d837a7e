"""The threads that decode photos, as many as cores, and the memory that all of them may take. Lives in the event loop.

First come, first served, so that a big photo is not overtaken for ever by small ones. Whoever has left before its turn
costs nothing. What several threads finish at once wakes the loop once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from ..errors import Unavailable

T = TypeVar("T")


class _Job(NamedTuple):
    do: Callable[[], Any]
    size_bytes: int
    future: asyncio.Future[Any]


class Decoders:
    """Runs jobs in threads; each takes so many bytes of a bounded room while it runs."""

    def __init__(self, threads: int, room_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._room_bytes = room_bytes
        self._taken_bytes = 0
        self._idle = threads
        self._waiting: deque[_Job] = deque()
        self._given: SimpleQueue[_Job | None] = SimpleQueue()
        self._finished: deque[tuple[_Job, Any, Exception | None]] = deque()
        self._waking = False
        self._ended = False
        # Daemons: a photo that is being decoded keeps no process from ending.
        self._threads = [
            threading.Thread(target=self._work, name=f"asksight-decoder-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, do: Callable[[], T], size_bytes: int = 0) -> T:
        """Return what `do` returns, in a thread, or raise what it raises; more than the whole room means all of it."""
        if self._ended:
            raise Unavailable
        job = _Job(do, min(size_bytes, self._room_bytes), self._loop.create_future())
        self._waiting.append(job)
        self._start()
        try:
            result: T = await job.future
            return result
        except asyncio.CancelledError:
            with suppress(ValueError):  # it had begun
                self._waiting.remove(job)  # with its photo
            raise
        finally:
            self._start()  # who has left may have been in the way of others

    @property
    def waiting(self) -> int:
        """How many wait for a thread or for room."""
        return sum(not job.future.done() for job in self._waiting)

    @property
    def taken_bytes(self) -> int:
        """How much of the room is taken."""
        return self._taken_bytes

    def end(self) -> None:
        """Let the threads end after what they have begun; what waits fails with Unavailable."""
        self._ended = True
        for job in self._waiting:
            if not job.future.done():
                job.future.set_exception(Unavailable())
        self._waiting.clear()
        for _ in self._threads:
            self._given.put(None)

    def _start(self) -> None:
        while self._waiting and self._idle:
            job = self._waiting[0]
            if not job.future.done():
                if self._taken_bytes + job.size_bytes > self._room_bytes:
                    return
                self._taken_bytes += job.size_bytes
                self._idle -= 1
                self._given.put(job)
            self._waiting.popleft()

    def _work(self) -> None:
        while (job := self._given.get()) is not None:
            try:
                self._finished.append((job, job.do(), None))
            except Exception as error:  # noqa: BLE001 - it is raised where the job is awaited
                self._finished.append((job, None, error))
            del job  # or a photo would live until the next one comes
            if not self._waking:
                self._waking = True
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._give_out)

    def _give_out(self) -> None:
        self._waking = False  # first: what is finished from here on wakes the loop again
        while self._finished:
            job, result, error = self._finished.popleft()
            self._taken_bytes -= job.size_bytes
            self._idle += 1
            if job.future.done():
                continue
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        self._start()
