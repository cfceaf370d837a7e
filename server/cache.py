"""Photos that were seen: image_id → encoder features, bounded in bytes, least recently used out first.

Asks about a photo that is being encoded share that run. Whoever came first leads it (decodes, queues); the others
join, and the run is wanted for as long as one of them is. A leader that gives up hands over: its followers look again
and one of them leads.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from .errors import AskError
from .patience import Crowd, Patience
from .photo_flaws import Flaw

ENTRY_BYTES = 600  # the key, the objects and the table's share, beside the features themselves


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What is remembered of a photo."""

    features: NDArray[Any]  # [F] or [h, w, C], float32
    flaws: tuple[Flaw, ...]

    @property
    def size_bytes(self) -> int:
        return int(self.features.nbytes) + ENTRY_BYTES


class Encoding:
    """One photo on its way through the encoder, and all who wait for it."""

    def __init__(self, image_id: str, leader: Patience) -> None:
        self.image_id = image_id
        self.crowd = Crowd(leader)
        self.future: Future[Encoded | None] = Future()  # None: the leader gave up, look again


class FeatureCache:
    """Features by image_id, with runs in flight shared. Thread-safe."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._lock = Lock()
        self._encoded: OrderedDict[str, Encoded] = OrderedDict()  # least recently used first
        self._in_flight: dict[str, Encoding] = {}
        self._size = 0

    def find(self, image_id: str, patience: Patience) -> Encoded | Encoding | None:
        """Return the features, or join the run that is making them, or None where there is neither."""
        with self._lock:
            return self._find(image_id, patience)

    def find_or_lead(self, image_id: str, patience: Patience) -> tuple[Encoded | Encoding, bool]:
        """Like `find`, but where there is neither, open a run; True means that the caller has to lead it.

        A leader must call `settle` in the end, whatever happens.
        """
        with self._lock:
            found = self._find(image_id, patience)
            if found is not None:
                return found, False
            encoding = self._in_flight[image_id] = Encoding(image_id, patience)
            return encoding, True

    def _find(self, image_id: str, patience: Patience) -> Encoded | Encoding | None:
        encoded = self._encoded.get(image_id)
        if encoded is not None:
            self._encoded.move_to_end(image_id)
            return encoded
        encoding = self._in_flight.get(image_id)
        if encoding is not None:
            encoding.crowd.join(patience)
        return encoding

    def settle(self, encoding: Encoding, outcome: Encoded | AskError | None) -> None:
        """End a run: with its features, which are remembered; with an error for all; or given up (None)."""
        with self._lock:
            del self._in_flight[encoding.image_id]
            if isinstance(outcome, Encoded):
                self._remember(encoding.image_id, outcome)
        if isinstance(outcome, AskError):
            encoding.future.set_exception(outcome)
        else:
            encoding.future.set_result(outcome)

    def _remember(self, image_id: str, encoded: Encoded) -> None:
        if encoded.size_bytes > self._capacity:
            return
        self._encoded[image_id] = encoded
        self._size += encoded.size_bytes
        while self._size > self._capacity:
            _, evicted = self._encoded.popitem(last=False)
            self._size -= evicted.size_bytes

    def __len__(self) -> int:
        """How many photos are remembered."""
        return len(self._encoded)

    @property
    def size_bytes(self) -> int:
        """How many bytes the remembered photos take."""
        return self._size

    @property
    def in_flight(self) -> int:
        """How many photos are being encoded."""
        return len(self._in_flight)
