"""Which photos the server is known to hold: a bounded, least-recently-used set of digests."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class RememberedPhotos:
    """Digests that the server has confirmed, the least recently used dropped first. Thread-safe."""

    def __init__(self, capacity: int = 4096) -> None:  # some 600 KB when full
        self._capacity = capacity
        self._digests: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, digest: str) -> bool:
        """Whether the server is known to hold it; asking counts as a use."""
        with self._lock:
            if digest not in self._digests:
                return False
            self._digests.move_to_end(digest)
            return True

    def __len__(self) -> int:
        with self._lock:
            return len(self._digests)

    def confirm(self, digest: str) -> None:
        """The server has answered about this photo, so it holds it."""
        with self._lock:
            self._digests[digest] = None
            self._digests.move_to_end(digest)
            while len(self._digests) > self._capacity:
                self._digests.popitem(last=False)

    def forget(self, digest: str) -> None:
        """The server has said that it does not hold it."""
        with self._lock:
            self._digests.pop(digest, None)
