"""What was made of photos, features or text, by image_id; bounded in bytes, least recently used out first.

Lives in the event loop: no locks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

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


class Sized(Protocol):
    """Something that knows how much memory it takes."""

    @property
    def size_bytes(self) -> int: ...


Kept = TypeVar("Kept", bound=Sized)


class PhotoCache(Generic[Kept]):
    """What was made of photos, by image_id."""

    def __init__(self, capacity_bytes: int) -> None:
        self.size_bytes = 0  # that the remembered photos take
        self._capacity_bytes = capacity_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()  # least recently used first

    def find(self, image_id: str) -> Kept | None:
        """Return what is remembered of a photo, or None; the photo then counts as most recently used."""
        made = self._kept.get(image_id)
        if made is not None:
            self._kept.move_to_end(image_id)
        return made

    def remember(self, image_id: str, made: Kept) -> None:
        """Keep it, dropping what was least recently used; what is larger than the cache is not kept."""
        if made.size_bytes > self._capacity_bytes:
            return
        replaced = self._kept.pop(image_id, None)
        self._kept[image_id] = made
        self.size_bytes += made.size_bytes - (replaced.size_bytes if replaced else 0)
        while self.size_bytes > self._capacity_bytes:
            _, evicted = self._kept.popitem(last=False)
            self.size_bytes -= evicted.size_bytes

    def __len__(self) -> int:
        """How many photos are remembered."""
        return len(self._kept)
