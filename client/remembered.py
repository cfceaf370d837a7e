"""Which photos the server is known to have: a bounded set of digests; the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class RememberedPhotos:
    """Digests of photos that the server has answered about. Above `capacity` the least recently used is dropped.

    Thread-safe.
    """

    def __init__(self, capacity: int = 4096) -> None:  # some 600 KB when full
        self._capacity = capacity
        self._digests: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, digest: str) -> bool:
        """Whether the server is known to have the photo. The look-up counts as a use."""
        with self._lock:
            if digest not in self._digests:
                return False
            self._digests.move_to_end(digest)
            return True

    def __len__(self) -> int:
        with self._lock:
            return len(self._digests)

    def confirm(self, digest: str) -> None:
        """Add a photo: the server has answered about it, so it has it."""
        with self._lock:
            self._digests[digest] = None
            self._digests.move_to_end(digest)
            while len(self._digests) > self._capacity:
                self._digests.popitem(last=False)

    def forget(self, digest: str) -> None:
        """Remove a photo: the server has said that it does not have it."""
        with self._lock:
            self._digests.pop(digest, None)
