"""How many may be inside at once; whoever does not fit is refused at the door instead of waiting before it."""

from __future__ import annotations

from threading import Lock


class Gate:
    """Counts those inside. Thread-safe."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._inside = 0
        self._lock = Lock()

    def admit(self, wanted: int = 1) -> int:
        """Let in as many of `wanted` as fit, and return how many; they must `leave`."""
        with self._lock:
            admitted = min(wanted, self._capacity - self._inside)
            self._inside += admitted
            return admitted

    def leave(self, admitted: int = 1) -> None:
        """Let out those who were admitted."""
        with self._lock:
            self._inside -= admitted

    @property
    def inside(self) -> int:
        """How many are inside."""
        return self._inside
