"""Freed memory goes back to the system: seconds after something large has ended, and once the process has grown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asksight.engine.memory import resident_bytes, trim_memory

AFTER_S = 2.0  # it takes some ten milliseconds, so that it must not follow each large photo
LARGE_BYTES = 1 << 20  # what is smaller leaves little behind
GROWN_BYTES = 64 << 20


class Trimming:
    """Lives in the event loop; the trimming itself does not."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def ended(self, count: int) -> None:
        """Note that so many bytes were let go."""
        if count >= LARGE_BYTES and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AFTER_S, self._trim)

    def _trim(self) -> None:
        self._timer = None
        asyncio.get_running_loop().run_in_executor(None, trim_memory)


class TrimmingGrowth:
    """Trims once the process has grown since it was smallest, by whatever: what gRPC holds and frees is told to nobody.

    Lives in the event loop.
    """

    def __init__(self, resident: Callable[[], int] = resident_bytes) -> None:
        self._resident = resident
        self._least = 0  # since the last trim
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look from now on, every few seconds."""
        self._least = self._resident()
        self._wait()

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(AFTER_S, self._look)

    def _look(self) -> None:
        now = self._resident()
        if now >= self._least + GROWN_BYTES:
            asyncio.get_running_loop().run_in_executor(None, trim_memory)
            self._least = now  # what is not given back is held
        self._least = min(self._least, now)
        self._wait()
