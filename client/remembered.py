"""Which photos the server is known to have: a bounded set of digests; the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

MOST_WANTED = 64  # and so many servers at least can all have a photo


class RememberedPhotos:
    """Digests of photos that the server has answered about. Above `capacity` the least recently used is dropped.

    Thread-safe.
    """

    def __init__(self, capacity: int = 4096) -> None:  # some 600 KB when full
        self._capacity = capacity
        self._digests: OrderedDict[str, None] = OrderedDict()
        # Several servers may stand behind one address, each with photos of its own. From the
        # second time on that a photo was not to be had by its id, it is sent 2, 4, 8 … times until its id is relied on.
        self._wanted: OrderedDict[str, int] = OrderedDict()
        self._confirmed: dict[str, int] = {}
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
            self._confirmed[digest] = self._confirmed.get(digest, 0) + 1
            if self._confirmed[digest] < self._wanted.get(digest, 1):
                return
            del self._confirmed[digest]
            self._digests[digest] = None
            self._digests.move_to_end(digest)
            while len(self._digests) > self._capacity:
                self._digests.popitem(last=False)

    def forget(self, digest: str) -> None:
        """Remove a photo: the server has said that it does not have it."""
        with self._lock:
            if digest not in self._digests:
                return  # several asks of one batch are told so
            del self._digests[digest]
            self._confirmed.pop(digest, None)
            self._wanted[digest] = min(2 * self._wanted.get(digest, 0), MOST_WANTED) or 1
            self._wanted.move_to_end(digest)
            while len(self._wanted) > self._capacity:
                self._confirmed.pop(self._wanted.popitem(last=False)[0], None)
