"""From an ask's photo to the features that the encoder makes of it: remembered, shared with others, or made now.

Asks about one new photo wait for one run, decoder and encoder, which is cancelled when nobody waits for it any more.
Lives in the event loop; photos are decoded in the decoders' threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from numpy.typing import NDArray

from asksight.engine.bundle.familiar import Familiarity
from asksight.photos.decode import check_photo, decoding_bytes, decoding_s, open_photo, shrunk
from asksight.photos.errors import PhotoError, PhotoSizeError
from asksight.photos.flaws import Flaw, find_flaws
from asksight.photos.header import PhotoHeader
from asksight.photos.input import PhotoInput
from asksight.photos.limits import PhotoLimits

from ..asks import Ask
from ..errors import AskError, ImageNotFound, InternalError, InvalidAsk, TooLarge
from ..limits import Limits
from ..observer import CacheUse, Observer
from .batcher import Batcher
from .cache import Encoded, FeatureCache
from .decoders import Decoders
from .stages import PhotoRow

log = logging.getLogger(__name__)

IMAGE_ID = re.compile(r"[0-9a-f]{64}")
# Hashing and reading the header of a photo of so many bytes takes 0.1 ms at most: less than the way to a thread.
SMALL_BYTES = 128 * 1024

# In: by the names of the encoder's inputs, `image` [H, W, 3] and perhaps `grid` [2]; out: features [...].
Pictures = Batcher[Mapping[str, NDArray[Any]], PhotoRow]


class Seen(NamedTuple):
    """One ask's photo, encoded."""

    image_id: str
    encoded: Encoded
    decode_us: int
    encode_us: int
    cached: bool  # this ask needed no encoder run of its own


class Encoding:
    """A run that makes one photo's features, and who waits for it."""

    def __init__(self) -> None:
        self.awaited_by: dict[asyncio.Future[Encoded], float] = {}  # until when each of them waits
        self.row: asyncio.Future[PhotoRow] | None = None  # once it is with the encoder
        self.decode_us = 0
        self.task: asyncio.Task[Encoded] | None = None

    async def result(self, deadline_s: float) -> Encoded:
        """Wait for it, together with others; who leaves last cancels it. Raises AskError."""
        waiter: asyncio.Future[Encoded] = asyncio.get_running_loop().create_future()
        self.awaited_by[waiter] = deadline_s
        try:
            return await waiter
        finally:
            del self.awaited_by[waiter]
            if not self.awaited_by and self.task is not None:
                self.task.cancel()

    @property
    def given_up(self) -> bool:
        """Whether it ends without features, because nobody waited or all came too late: not to be joined."""
        if self.task is not None and self.task.cancelling():  # even where its row has just been made
            return True
        if self.row is not None and self.row.done():
            return self.row.cancelled() or self.row.exception() is not None
        return self.task is not None and self.task.done()


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
    ) -> None:
        self._encoder = encoder
        self._familiarity = familiarity
        self._input = photo_input
        self._decoders = decoders
        self._limits = limits
        self._observer = observer or Observer()
        self.cache = FeatureCache(limits.cache_bytes)
        self.in_flight: dict[str, Encoding] = {}

    async def see(self, ask: Ask, decoded: Callable[[], object]) -> Seen:
        """Give the features of the ask's photo. Raises AskError: of the photo, of the encoder, or for want of room.

        `decoded` is called once it only waits for the encoder, its own run or one that another ask began.
        """
        started_s = time.perf_counter()
        image_id, header = await self._identify(ask)
        decode_us = _since_us(started_s)
        encoded = self.cache.find(image_id)
        if encoded is not None:
            self._observer.cache_used(CacheUse.HIT)
            return Seen(image_id, encoded, decode_us, 0, True)
        encoding = self.in_flight.get(image_id)
        own = encoding is None or encoding.given_up
        if encoding is None or own:
            encoding = self._begin(ask, image_id, header, decoded)
        else:
            self._observer.cache_used(CacheUse.SHARED)
            decoded()
        encoded = await encoding.result(ask.until_s)
        if own:
            decode_us += encoding.decode_us
        return Seen(image_id, encoded, decode_us, max(0, _since_us(started_s) - decode_us), not own)

    async def _identify(self, ask: Ask) -> tuple[str, PhotoHeader | None]:
        """Its image_id and, where the photo came with the ask, its header."""
        photo = ask.photo
        if photo is not None and ask.image_id is not None:
            raise InvalidAsk("Both a photo and an image_id were given; send one of them.", field="image_id")
        if photo is not None:
            identify = partial(_identified, photo, self._limits.photo)
            return (
                identify()
                if len(photo) <= SMALL_BYTES
                else await self._decoders.run(identify, caller=ask.caller)
            )
        if ask.image_id is None:
            raise InvalidAsk(
                "There is no photo; send one, or the image_id of an earlier reply.", field="image_data"
            )
        if not IMAGE_ID.fullmatch(ask.image_id):
            raise InvalidAsk(
                "The image_id is not 64 digits of lower-case hex; send that of an earlier reply as it was.",
                field="image_id",
            )
        return ask.image_id, None

    def _begin(
        self, ask: Ask, image_id: str, header: PhotoHeader | None, decoded: Callable[[], object]
    ) -> Encoding:
        """Begin a run for the photo, unless there is none, or it would come too late."""
        self._observer.cache_used(CacheUse.MISS)
        if ask.photo is None or header is None:
            raise ImageNotFound(image_id)
        coming = sum(one.row is None for one in self.in_flight.values())  # photos that are being decoded
        self._encoder.check_room(ask.until_s, coming=coming)
        encoding = self.in_flight[image_id] = Encoding()
        encoding.task = asyncio.create_task(self._make(encoding, ask.photo, header, ask.caller, decoded))
        encoding.task.add_done_callback(partial(self._end, encoding, image_id))
        return encoding

    async def _make(
        self,
        encoding: Encoding,
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
        encoding.decode_us = _since_us(started_s)
        decoded()
        encoding.row = self._encoder.submit(made.picture, awaited_by=encoding.awaited_by)
        row = await encoding.row
        return Encoded(row.features, made.flaws, row.far or self._too_small(header))

    def _too_small(self, header: PhotoHeader) -> bool:
        return self._familiarity is not None and self._familiarity.too_small(header.short_side)

    def _end(self, encoding: Encoding, image_id: str, task: asyncio.Task[Encoded]) -> None:
        """Remember the features, and give them, or what went wrong, to all who wait."""
        if self.in_flight.get(image_id) is encoding:
            del self.in_flight[image_id]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, AskError):
            log.error("A photo failed unexpectedly", exc_info=error)
            error = InternalError()
        if error is None and not task.cancelled():
            self.cache.remember(image_id, task.result())
            self._observer.cache_size(len(self.cache), self.cache.size_bytes)
        for waiter in encoding.awaited_by:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(task.result())
            else:
                waiter.set_exception(error)


def _identified(photo: bytes | memoryview, limits: PhotoLimits) -> tuple[str, PhotoHeader]:
    try:
        header = check_photo(photo, limits)
    except PhotoError as error:
        raise _refused(error) from None
    return hashlib.sha256(photo).hexdigest(), header


def _decode(photo: bytes | memoryview, header: PhotoHeader, photo_input: PhotoInput) -> Decoded:
    """In a decoder's thread."""
    try:
        picture, missing = open_photo(photo, header, smallest_px=photo_input.smallest_px)
    except PhotoError as error:
        raise _refused(error) from error
    # What has its full size is measured at the size that others have: its flaws are the same for every model.
    measured = shrunk(picture, photo_input.measured_px)
    flaws = find_flaws(measured, short_side_px=header.short_side, missing=missing)
    return Decoded(photo_input(picture), flaws)


def _refused(error: PhotoError) -> AskError:
    if isinstance(error, PhotoSizeError):
        return TooLarge(str(error))
    return InvalidAsk(str(error), field="image_data")


def _since_us(started_s: float) -> int:
    return round((time.perf_counter() - started_s) * 1e6)
