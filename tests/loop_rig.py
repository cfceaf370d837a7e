"""What lives in an event loop, tested in one whose time is moved on by hand."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from threading import Event, Timer
from typing import Any, ParamSpec

WAIT_S = 30.0  # for what comes at once; long, so that a slow machine fails no test
LONGEST_S = 4 * WAIT_S  # a test; what it awaits may never come

P = ParamSpec("P")


class HandLoop(asyncio.SelectorEventLoop):
    """Timers of `call_later` are due when `move_on` says so."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self._ahead_s

    def move_on(self, seconds: float) -> None:
        self._ahead_s += seconds


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test in a loop of its own, and not for ever."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def ended_in_time() -> None:
            task, loop = asyncio.current_task(), asyncio.get_running_loop()
            assert task is not None
            guard = Timer(LONGEST_S, loop.call_soon_threadsafe, (task.cancel,))  # a clock of its own
            guard.start()
            try:
                await test(*args, **kwargs)
            finally:
                guard.cancel()

        with asyncio.Runner(loop_factory=HandLoop) as runner:
            runner.run(ended_in_time())

    return run


def move_on(seconds: float) -> None:
    """Let so much time pass in the test's loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HandLoop)
    loop.move_on(seconds)


async def turns(count: int = 5) -> None:
    """Let what is due be done."""
    for _ in range(count):
        await asyncio.sleep(0)


async def soon(true: Callable[[], object]) -> None:
    """Wait until it is true."""
    ends_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < ends_s
        await asyncio.sleep(0.001)  # between two looks; nothing tells of it


async def happens(event: Event) -> None:
    """Wait for what a thread does."""
    assert await asyncio.to_thread(event.wait, WAIT_S)
