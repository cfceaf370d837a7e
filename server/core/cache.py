"""Photos that were seen: image_id → encoder features, bounded in bytes, least recently used out first.

Lives in the event loop: no locks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from asksight.photos.flaws import Flaw

ENTRY_BYTES = 600  # the key, the objects and the table's share, beside the features themselves


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What is remembered of a photo."""

    features: NDArray[Any]  # [F], [n, C] or [h, w, C], float32
    flaws: tuple[Flaw, ...]
    far: bool = False  # from all photos that the model knows, or much smaller than they are

    @property
    def size_bytes(self) -> int:
        return int(self.features.nbytes) + ENTRY_BYTES


class FeatureCache:
    """Features by image_id."""

    def __init__(self, capacity_bytes: int) -> None:
        self.size_bytes = 0  # that the remembered photos take
        self._capacity_bytes = capacity_bytes
        self._encoded: OrderedDict[str, Encoded] = OrderedDict()  # least recently used first

    def find(self, image_id: str) -> Encoded | None:
        """Return what is remembered of a photo, or None; the photo then counts as most recently used."""
        encoded = self._encoded.get(image_id)
        if encoded is not None:
            self._encoded.move_to_end(image_id)
        return encoded

    def remember(self, image_id: str, encoded: Encoded) -> None:
        """Keep a photo's features, dropping the least recently used; features larger than the cache are not kept."""
        if encoded.size_bytes > self._capacity_bytes:
            return
        replaced = self._encoded.pop(image_id, None)
        self._encoded[image_id] = encoded
        self.size_bytes += encoded.size_bytes - (replaced.size_bytes if replaced else 0)
        while self.size_bytes > self._capacity_bytes:
            _, evicted = self._encoded.popitem(last=False)
            self.size_bytes -= evicted.size_bytes

    def __len__(self) -> int:
        """How many photos are remembered."""
        return len(self._encoded)
