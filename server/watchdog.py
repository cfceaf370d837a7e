"""Notices an engine that hangs, and has it replaced; after too many of them, says that only a new process helps.

A call into native code cannot be ended from outside: the thread that hangs is left to itself, with its engine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from .batcher import Batcher, Run

log = logging.getLogger(__name__)

MOST_LEFT_BEHIND = 3  # threads and engines; each keeps its memory
LOOKS = 4  # so many in the time that an engine may take, to be told after 1.25 of it at the latest


class Watchdog:
    """Watches one batcher in a thread of its own, until `stop`."""

    def __init__(
        self, batcher: Batcher[Any, Any], reopen: Callable[[], Run[Any, Any]], *, hang_after_s: float
    ) -> None:
        self.stuck = False  # no more engines are opened; this process has to end
        self._batcher = batcher
        self._reopen = reopen
        self._hang_after_s = hang_after_s
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name=f"asksight-{batcher.name}-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def _watch(self) -> None:
        left_behind = 0
        while not self._stopped.wait(self._hang_after_s / LOOKS):
            if self._batcher.busy_for_s() <= self._hang_after_s:
                continue
            log.error("The %s has been busy for over %.0f s", self._batcher.name, self._hang_after_s)
            if left_behind == MOST_LEFT_BEHIND:
                log.critical("The %s hangs again and again; restart the process", self._batcher.name)
                self.stuck = True
                self._batcher.close(drain=False, timeout_s=0)
                return
            left_behind += 1
            self._batcher.replace_owner(self._reopen)
