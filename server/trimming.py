"""Memory of what came in pieces goes back to the system, some seconds after something large has ended."""

from __future__ import annotations

import asyncio

from asksight.engine.memory import trim_memory

AFTER_S = 2.0  # it takes some ten milliseconds, so that it must not follow each large photo
LARGE_BYTES = 1 << 20  # what is smaller leaves little behind


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
