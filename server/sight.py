"""From an ask's photo to the features that the encoder makes of it: remembered, shared with others, or made now."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .asks import Ask
from .batcher import Batcher
from .cache import Encoded, Encoding, FeatureCache
from .decoding_room import DecodingRoom
from .errors import (
    AskError,
    Cancelled,
    DeadlineExceeded,
    ImageNotFound,
    InternalError,
    InvalidAsk,
    Overloaded,
)
from .limits import Limits
from .observer import CacheUse, Observer
from .patience import Patience
from .photo_flaws import Flaw, find_flaws
from .photo_header import PhotoHeader
from .photo_input import PhotoInput
from .photos import check_photo, decode

IMAGE_ID = re.compile(r"[0-9a-f]{64}")

Pictures = Batcher[NDArray[Any], NDArray[Any]]  # [H, W, 3] in, features [F] or [h, w, C] out


@dataclass(slots=True)
class Look:
    """One ask's look at its photo: the features are there, or on their way."""

    image_id: str
    photo: bytes | None  # None when the ask came with an image_id alone
    header: PhotoHeader | None
    found: Encoded | Encoding | None = None
    expected: bool = False  # there is a place for it in the encoder's queue
    own_run: bool = False  # this ask leads or led an encoder run
    decode_us: int = 0
    encode_us: int = 0


class Sight:
    """Photos to features for one encoder. Thread-safe; decodes and waits in the calling thread."""

    def __init__(
        self, encoder: Pictures, photo_input: PhotoInput, limits: Limits, observer: Observer | None = None
    ) -> None:
        self._encoder = encoder
        self._input = photo_input
        self._limits = limits
        self._observer = observer or Observer()
        self._cache = FeatureCache(limits.cache_bytes)
        self._room = DecodingRoom(limits.decoding_bytes)

    def look(self, ask: Ask, patience: Patience, *, expected: bool = False) -> Look:
        """Have the features of the ask's photo on their way. Raises AskError for a photo or id that is refused.

        One that is `expected` was let into the encoder's queue before.
        """
        started_s = time.perf_counter()
        look = self._identify(ask)
        look.expected = expected
        self._find(look, patience)
        look.expected = False
        look.decode_us = _since_us(started_s)
        return look

    def features(self, look: Look, patience: Patience) -> Encoded:
        """Wait for the features. Raises AskError: of the photo, of the encoder, or because the patience ran out."""
        started_s = time.perf_counter()
        waited = False
        while not isinstance(look.found, Encoded):
            if look.found is None:  # its leader gave up: share another run, or lead it
                patience.check()  # or who leads with its time up would lead, and give up, for ever
                self._find(look, patience)
            else:
                look.found, waited = patience.wait_for(look.found.future, self._encoder), True
        look.encode_us = _since_us(started_s) if waited else 0
        return look.found

    def _identify(self, ask: Ask) -> Look:
        if ask.photo is not None and ask.image_id is not None:
            raise InvalidAsk("Both a photo and an image_id were given; send one of them.", field="image_id")
        if ask.photo is not None:
            header = check_photo(ask.photo, self._limits)
            return Look(hashlib.sha256(ask.photo).hexdigest(), ask.photo, header)
        if ask.image_id is None:
            raise InvalidAsk(
                "There is no photo; send one, or the image_id of an earlier reply.", field="image_data"
            )
        if not IMAGE_ID.fullmatch(ask.image_id):
            raise InvalidAsk(
                "The image_id is not 64 digits of lower-case hex; send that of an earlier reply as it was.",
                field="image_id",
            )
        return Look(ask.image_id, None, None)

    def _find(self, look: Look, patience: Patience) -> None:
        if look.photo is None or look.header is None:
            look.found = self._cache.find(look.image_id, patience)
            if look.found is None:
                self._observer.cache_used(CacheUse.MISS)
                raise ImageNotFound(look.image_id)
            self._note(look.found, leads=False)
            return
        look.found, leads = self._cache.find_or_lead(look.image_id, patience)
        self._note(look.found, leads=leads)
        if leads and isinstance(look.found, Encoding):
            look.own_run = True
            self._lead(look, look.found, look.photo, look.header, patience)

    def _note(self, found: Encoded | Encoding, *, leads: bool) -> None:
        if isinstance(found, Encoded):
            self._observer.cache_used(CacheUse.HIT)
        else:
            self._observer.cache_used(CacheUse.MISS if leads else CacheUse.SHARED)

    def _lead(
        self, look: Look, encoding: Encoding, photo: bytes, header: PhotoHeader, patience: Patience
    ) -> None:
        """Decode the photo and queue it for the encoder, for all who wait for it."""
        try:
            if not look.expected:  # decoding is the dear part: not for a photo that cannot be queued
                self._encoder.check_room(encoding.crowd)
            flaws, picture = self._decode(encoding, photo, header, patience)
            row = self._encoder.submit(picture, encoding.crowd, expected=look.expected, lead=patience.leads)
        except (Cancelled, DeadlineExceeded, Overloaded):
            self._cache.settle(encoding, None)  # this caller's own affair, its deadline: another takes over
            patience.check()  # the room may have been asked for on behalf of others, this caller having left
            raise
        except AskError as error:
            self._cache.settle(encoding, error)  # the same for everybody who waits for this photo now
            raise
        except BaseException:
            self._cache.settle(encoding, None)
            raise
        row.add_done_callback(lambda done: self._end(encoding, done, flaws))

    def _end(self, encoding: Encoding, done: Future[NDArray[Any]], flaws: tuple[Flaw, ...]) -> None:
        self._cache.settle(encoding, _outcome(done, flaws))
        self._observer.cache_size(len(self._cache), self._cache.size_bytes)

    def _decode(
        self, encoding: Encoding, photo: bytes, header: PhotoHeader, patience: Patience
    ) -> tuple[tuple[Flaw, ...], NDArray[Any]]:
        @contextmanager
        def room(size_bytes: int) -> Iterator[None]:
            with self._room.take(size_bytes, patience), patience.lent():
                yield

        picture = decode(photo, header, smallest_px=self._input.smallest_px, room=room)
        if encoding.crowd.cancelled():
            raise Cancelled
        flaws = find_flaws(picture, short_side_px=min(header.width, header.height))
        return flaws, self._input(picture)


def _outcome(done: Future[NDArray[Any]], flaws: tuple[Flaw, ...]) -> Encoded | AskError | None:
    error = done.exception()
    if error is None:
        return Encoded(done.result(), flaws)
    if isinstance(error, (Cancelled, DeadlineExceeded)):
        return None  # nobody wanted it when its batch closed; whoever came since looks again
    return error if isinstance(error, AskError) else InternalError()


def _since_us(started_s: float) -> int:
    return round((time.perf_counter() - started_s) * 1e6)
