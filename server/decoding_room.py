"""A bound on the memory that decoding takes: bytes are taken before a photo is decoded and given back after.

First come, first served: a big photo is not overtaken for ever by small ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Lock

from .patience import Patience


class DecodingRoom:
    """So many bytes for all threads together. Thread-safe."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._taken = 0
        self._lock = Lock()
        self._queue: deque[tuple[int, Future[None]]] = deque()

    @contextmanager
    def take(self, size_bytes: int, patience: Patience) -> Iterator[None]:
        """Hold `size_bytes` while the block runs; more than the whole room means all of it, alone.

        Raises Cancelled or DeadlineExceeded while waiting for its turn.
        """
        size_bytes = min(size_bytes, self._capacity)
        turn: Future[None] = Future()
        with self._lock:
            self._queue.append((size_bytes, turn))
            self._let_in()
        try:
            patience.wait_for(turn)
            yield
        finally:
            with self._lock:
                if turn.done():
                    self._taken -= size_bytes
                else:
                    self._queue.remove((size_bytes, turn))
                self._let_in()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._queue)

    def _let_in(self) -> None:
        while self._queue and self._taken + self._queue[0][0] <= self._capacity:
            size_bytes, turn = self._queue.popleft()
            self._taken += size_bytes
            turn.set_result(None)
