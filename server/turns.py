"""One thread at a time runs Python for asks; the others wait for their turn, not for Python's lock.

Whoever wants Python's lock waits for each thread that wants it too, and the event loop wants it several times a call.
Against thirty threads that woke with one batch it came to no call for a fifth of a second. A thread gives its turn
back while it waits, and while it runs native code that needs no lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import sleep


class Turn:
    """Taken by the threads that answer, one at a time, in the order in which they come. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = False
        self._queue: deque[Lock] = deque()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn and have it while the block runs."""
        try:
            self._take()
            yield
        finally:
            self._give()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Give the turn to others while the block runs, which waits or runs native code; only who has it may."""
        self._give()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        """Wait for the turn; it is had in the end, even where Ctrl-C came in between."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            mine = Lock()
            mine.acquire()
            self._queue.append(mine)
        try:
            mine.acquire()
        except KeyboardInterrupt:  # left now, the turn would be passed to nobody, and be lost
            while mine in self._queue:
                sleep(0.001)
            raise

    def _give(self) -> None:
        with self._lock:
            if self._queue:  # passed on directly, or whoever comes just now would overtake for ever
                self._queue.popleft().release()
            else:
                self._taken = False


TURN = Turn()  # of the process, as Python's lock is
