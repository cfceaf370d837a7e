"""How many, and how many bytes, may be inside at once; who does not fit is refused at the door, not made to wait."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock


class Gate:
    """Counts those inside and the bytes that they carry. Thread-safe."""

    def __init__(self, capacity: int, capacity_bytes: int | None = None) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._inside = 0
        self._inside_bytes = 0
        self._lock = Lock()

    def admit(self, sizes: Sequence[int] = (0,)) -> int:
        """Let in as many as fit, from the first on, each of so many bytes; return how many, who must `leave`.

        One that alone has more bytes than all may have is let in when nobody else is inside.
        """
        with self._lock:
            admitted = 0
            for size in sizes:
                if self._inside >= self._capacity or not self._fits(size):
                    break
                admitted += 1
                self._inside += 1
                self._inside_bytes += size
            return admitted

    def _fits(self, size: int) -> bool:
        if self._capacity_bytes is None or self._inside == 0:
            return True
        return self._inside_bytes + size <= self._capacity_bytes

    def leave(self, sizes: Sequence[int] = (0,)) -> None:
        """Let out those who were admitted."""
        with self._lock:
            self._inside -= len(sizes)
            self._inside_bytes -= sum(sizes)

    @property
    def inside(self) -> int:
        """How many are inside."""
        return self._inside

    @property
    def inside_bytes(self) -> int:
        """How many bytes they carry."""
        return self._inside_bytes
