"""Threads that are kept for the next call, and keep no process from ending: one of them may hang in an engine."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread


class Pool:
    """As many threads as there is work at once; whoever gives it work bounds it. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._idle = 0
        self._threads = 0
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()

    def start(self, work: Callable[[], object]) -> None:
        """Have a thread do `work`, which must raise nothing. Raises RuntimeError where no thread can be had."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
                self._threads += 1
        self._work.put(work)

    def end(self) -> None:
        """Let every thread end once it has nothing to do; nothing may be started any more."""
        for _ in range(self._threads):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work  # or what it holds would live until the next call
            with self._lock:
                self._idle += 1
