"""The threads that decode photos, as many as cores, and the memory that all of them may take. Lives in the event loop.

Of the callers who wait, the one who has used least time is next; first come, first served within one caller, and a big
photo whose turn it is, is not overtaken by small ones. Long jobs leave one thread to the others. Whoever has left
before its turn costs nothing. What several threads finish at once wakes the loop once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from ..errors import Unavailable
from .fair_queue import FairQueue

T = TypeVar("T")

LONG_S = 0.05  # more than an ordinary phone's JPEG takes


class _Job(NamedTuple):
    do: Callable[[], Any]
    size_bytes: int
    caller: str
    estimate_s: float
    future: asyncio.Future[Any]

    @property
    def long(self) -> bool:
        return self.estimate_s > LONG_S


class Decoders:
    """Runs jobs in threads; each takes so many bytes of a bounded room while it runs."""

    def __init__(
        self,
        threads: int,
        room_bytes: int,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """`clock` tells, in a thread, the seconds that it has worked."""
        self._loop = loop
        self._clock = clock
        self._room_bytes = room_bytes
        self._taken_bytes = 0
        self._idle = threads
        self._long_idle = max(1, threads - 1)  # so many long jobs may begin: a short one is to find a thread
        self._waiting: FairQueue[_Job] = FairQueue()
        self._given: SimpleQueue[_Job | None] = SimpleQueue()
        self._finished: deque[tuple[_Job, float, Any, Exception | None]] = deque()
        self._waking = False
        self._ended = False
        # Daemons: a photo that is being decoded keeps no process from ending.
        self._threads = [
            threading.Thread(target=self._work, name=f"asksight-decoder-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self, do: Callable[[], T], size_bytes: int = 0, *, caller: str = "", estimate_s: float = 0.0
    ) -> T:
        """Return what `do` returns, in a thread, or raise what it raises; more than the whole room means all of it.

        `caller` is whose share it is of, and `estimate_s` what it will take of that, until it is known.
        """
        if self._ended:
            raise Unavailable
        size_bytes = min(size_bytes, self._room_bytes)
        job = _Job(do, size_bytes, caller, estimate_s, self._loop.create_future())
        self._waiting.put(caller, job)
        self._start()
        try:
            result: T = await job.future
            return result
        except asyncio.CancelledError:
            self._waiting.remove(caller, job)  # with its photo, unless it had begun
            raise
        finally:
            self._start()  # who has left may have been in the way of others

    @property
    def waiting(self) -> int:
        """How many wait for a thread or for room."""
        return sum(not job.future.done() for job in self._waiting.items())

    @property
    def taken_bytes(self) -> int:
        """How much of the room is taken."""
        return self._taken_bytes

    def end(self) -> None:
        """Let the threads end after what they have begun; what waits fails with Unavailable."""
        self._ended = True
        for job in self._waiting.items():
            if not job.future.done():
                job.future.set_exception(Unavailable())
        self._waiting.clear()
        for _ in self._threads:
            self._given.put(None)

    def _start(self) -> None:
        while self._idle and (found := self._waiting.first(self._may_start)) is not None:
            caller, job = found
            if job.future.done():  # it has left
                self._waiting.remove(caller, job)
                continue
            if self._taken_bytes + job.size_bytes > self._room_bytes:
                return
            self._waiting.take(caller, job.estimate_s)
            self._taken_bytes += job.size_bytes
            self._idle -= 1
            self._long_idle -= job.long
            self._given.put(job)

    def _may_start(self, job: _Job) -> bool:
        return not job.long or self._long_idle > 0 or job.future.done()

    def _work(self) -> None:
        while (job := self._given.get()) is not None:
            began_s = self._clock()
            try:
                result, error = job.do(), None
            except Exception as raised:  # noqa: BLE001 - it is raised where the job is awaited
                result, error = None, raised
            self._finished.append((job, self._clock() - began_s, result, error))
            del result, error
            del job  # or a photo would live until the next one comes
            if not self._waking:
                self._waking = True
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._give_out)

    def _give_out(self) -> None:
        self._waking = False  # first: what is finished from here on wakes the loop again
        while self._finished:
            job, used_s, result, error = self._finished.popleft()
            self._waiting.settle(job.caller, used_s - job.estimate_s)
            self._taken_bytes -= job.size_bytes
            self._idle += 1
            self._long_idle += job.long
            if job.future.done():
                continue
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        self._start()
