"""One thread at a time runs Python for asks; the others wait for their turn, not for Python's lock.

Whoever wants Python's lock waits for each thread that wants it too, and the event loop wants it several times a call.
Against thirty threads that woke with one batch it came to no call for a fifth of a second. A thread gives its turn
back while it waits, and while it runs native code that needs no lock; one that waits for something sleeps on until
it has its turn too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import sleep


class Turn:
    """Taken by the threads that answer, one at a time, in the order in which they ask for it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = False
        self._queue: deque[Lock] = deque()  # each held until its turn comes

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

    @contextmanager
    def lent_until_called(self) -> Iterator[Place]:
        """Give the turn to others while the block sleeps in a place, which somebody calls; have it again after."""
        self._give()
        place = Place(self)
        try:
            yield place
        finally:
            place.call()
            place.wait()

    def _take(self) -> None:
        """Wait for the turn; it is had in the end, even where Ctrl-C came in between."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            mine = Lock()
            mine.acquire()
            self._queue.append(mine)
        self._wait(mine)

    def _queue_up(self, mine: Lock) -> None:
        with self._lock:
            if self._taken:
                self._queue.append(mine)
                return
            self._taken = True
        mine.release()

    def _wait(self, mine: Lock) -> None:
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


class Place:
    """Where one thread sleeps without the turn until it is called, by any thread, and has the turn again.

    Woken at the call, it would want Python's lock only to queue up: thirty of them with each batch that ends.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._calling = Lock()  # held from the first call on
        self._mine = Lock()
        self._mine.acquire()
        self._had = False

    def call(self) -> None:
        """Queue the sleeper up for the turn; a second call does nothing."""
        if self._calling.acquire(blocking=False):
            self._turn._queue_up(self._mine)

    def sleep(self, seconds: float | None) -> bool:
        """Sleep until the place was called and the turn is had, or for so long; say whether it is had."""
        self._had = self._mine.acquire(timeout=-1 if seconds is None else seconds)
        return self._had

    def wait(self) -> None:
        """Wait for the turn for good, if it is not had yet; somebody must have called."""
        if not self._had:
            self._turn._wait(self._mine)


TURN = Turn()  # of the process, as Python's lock is
