"""How many calls may be under way at once; the next one is refused at once instead of waiting for a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from .errors import Overloaded


class Gate:
    """Counts calls. Thread-safe."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._inside = 0
        self._lock = Lock()

    @contextmanager
    def enter(self, retry_after_s: Callable[[], float]) -> Iterator[None]:
        """Count the block as one call. Raises Overloaded when as many as may be are inside."""
        with self._lock:
            if self._inside >= self._capacity:
                raise Overloaded(retry_after_s=retry_after_s())
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    @property
    def inside(self) -> int:
        """How many calls are under way."""
        return self._inside
