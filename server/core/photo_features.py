"""From an ask's photo to the features that the encoder makes of it: remembered, shared with others, or made now.

Asks about one new photo wait for one run, decoder and encoder, which is cancelled when nobody waits for it any more.
Lives in the event loop; photos are decoded in the decoders' threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from numpy.typing import NDArray

from asksight.engine.bundle.familiar import Familiarity
from asksight.photos.decode import decoding_bytes, decoding_s, open_photo, shrunk
from asksight.photos.errors import PhotoError
from asksight.photos.flaws import Flaw, find_flaws
from asksight.photos.header import PhotoHeader
from asksight.photos.input import PhotoInput

from ..asks import Ask
from ..limits import Limits
from ..observer import Observer
from .batcher import Batcher
from .cache import Encoded
from .decoders import Decoders
from .image_ids import refused
from .shared_run import Second, SharedRun, SharedRuns, since_us
from .stages import PhotoRow

# In: by the names of the encoder's inputs, `image` [H, W, 3] and perhaps `grid` [2]; out: features [...].
Pictures = Batcher[Mapping[str, NDArray[Any]], PhotoRow]


class Seen(NamedTuple):
    """One ask's photo, encoded."""

    image_id: str
    encoded: Encoded
    decode_us: int
    encode_us: int
    cached: bool  # this ask needed no encoder run of its own


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder makes of a photo."""

    picture: Mapping[str, NDArray[Any]]  # as the encoder wants it
    flaws: tuple[Flaw, ...]


class Photos:
    """Photos to features, for one encoder."""

    def __init__(
        self,
        encoder: Pictures,
        photo_input: PhotoInput,
        decoders: Decoders,
        limits: Limits,
        observer: Observer | None = None,
        familiarity: Familiarity | None = None,
        second: Second[Encoded] | None = None,
    ) -> None:
        self._encoder = encoder
        self._familiarity = familiarity
        self._input = photo_input
        self._decoders = decoders
        self._observer = observer or Observer()
        self._runs: SharedRuns[Encoded] = SharedRuns(
            limits.cache_bytes,
            decoders,
            limits.photo,
            self._observer.cache_used,
            self._changed,
            second=second,
        )
        self.cache = self._runs.cache
        self.in_flight = self._runs.in_flight

    async def see(self, ask: Ask, decoded: Callable[[], object]) -> Seen:
        """Give the features of the ask's photo. Raises AskError: of the photo, of the encoder, or for want of room.

        `decoded` is called once it only waits for the encoder, its own run or one that another ask began.
        """

        def make(
            run: SharedRun[Encoded], _: str, photo: bytes | memoryview, header: PhotoHeader
        ) -> Coroutine[Any, Any, Encoded]:
            return self._make(run, photo, header, ask.caller, decoded)

        def check_room(coming: int) -> None:
            self._encoder.check_room(ask.until_s, coming=coming)

        had = await self._runs.have(ask, make, check_room=check_room, joined=decoded)
        return Seen(had.image_id, had.made, had.decode_us, had.make_us, had.cached)

    async def _make(
        self,
        encoding: SharedRun[Encoded],
        photo: bytes | memoryview,
        header: PhotoHeader,
        caller: str,
        decoded: Callable[[], object],
    ) -> Encoded:
        """Decode the photo and encode it, for all who wait."""
        started_s = time.perf_counter()
        room_bytes = decoding_bytes(header, self._input.smallest_px)
        made = await self._decoders.run(
            partial(_decode, photo, header, self._input),
            room_bytes,
            caller=caller,
            estimate_s=decoding_s(header, self._input.smallest_px),
        )
        encoding.decode_us = since_us(started_s)
        decoded()
        encoding.row = self._encoder.submit(made.picture, awaited_by=encoding.awaited_by)
        row = await encoding.row
        return Encoded(row.features, made.flaws, row.far or self._too_small(header))

    def _too_small(self, header: PhotoHeader) -> bool:
        return self._familiarity is not None and self._familiarity.too_small(header.short_side)

    def _changed(self) -> None:
        self._observer.cache_size(len(self.cache), self.cache.size_bytes)


def _decode(photo: bytes | memoryview, header: PhotoHeader, photo_input: PhotoInput) -> Decoded:
    """In a decoder's thread."""
    try:
        picture, missing = open_photo(photo, header, smallest_px=photo_input.smallest_px)
    except PhotoError as error:
        raise refused(error) from error
    # What has its full size is measured at the size that others have: its flaws are the same for every model.
    measured = shrunk(picture, photo_input.measured_px)
    flaws = find_flaws(measured, short_side_px=header.short_side, missing=missing)
    return Decoded(photo_input(picture), flaws)
