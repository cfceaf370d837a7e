"""An event loop in a thread of its own, and the way into it from other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, which answers a tenth more a second; asyncio's own on systems that it is not made for."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()


class LoopThread:
    """Runs until `close`. Its methods are for other threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ending = False
        self._started: set[Future[Any]] = set()  # what other threads wait for
        self.loop: asyncio.AbstractEventLoop = new_loop()
        # A daemon, since whoever embeds it may end without closing it.
        self._thread = threading.Thread(target=self.loop.run_forever, name="asksight-loop", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin it in the loop; cancelling the future cancels it there. Raises RuntimeError after `close`."""
        with self._lock:
            if self._ending:
                work.close()
                raise RuntimeError("the loop has ended")
            future = asyncio.run_coroutine_threadsafe(work, self.loop)
            self._started.add(future)
        future.add_done_callback(self._started.discard)
        return future

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done in the loop, and give its result or raise its error."""
        return self.start(work).result()

    @property
    def closed(self) -> bool:
        return self._ending

    def close(self) -> None:
        """End what still runs in the loop, and the loop; a second call does nothing."""
        with self._lock:
            if self._ending:
                return
            self._ending = True
        asyncio.run_coroutine_threadsafe(_last_tasks(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        for future in list(self._started):  # what came in the last moment, and never began
            future.cancel()


async def _last_tasks() -> None:
    """Let what gRPC still does for calls that are over come to its end; cut off, it would be noisy about it."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=0.2)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
