"""An ask's photo by its SHA-256, and what a photo that is not taken is refused with."""

from __future__ import annotations

import hashlib
import re
from functools import partial

from asksight.photos.decode import check_photo
from asksight.photos.errors import PhotoError, PhotoSizeError
from asksight.photos.header import PhotoHeader
from asksight.photos.limits import PhotoLimits

from ..asks import Ask
from ..errors import AskError, InvalidAsk, TooLarge
from .decoders import Decoders

IMAGE_ID = re.compile(r"[0-9a-f]{64}")
# Hashing and reading the header of a photo of so many bytes takes 0.1 ms at most: less than the way to a thread.
SMALL_BYTES = 128 * 1024


async def identify(ask: Ask, decoders: Decoders, limits: PhotoLimits) -> tuple[str, PhotoHeader | None]:
    """The photo's image_id and, where the photo came with the ask, its header. Raises AskError."""
    photo = ask.photo
    if photo is not None and ask.image_id is not None:
        raise InvalidAsk("Both a photo and an image_id were given; send one of them.", field="image_id")
    if photo is not None:
        look = partial(_identified, photo, limits)
        return look() if len(photo) <= SMALL_BYTES else await decoders.run(look, caller=ask.caller)
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


def _identified(photo: bytes | memoryview, limits: PhotoLimits) -> tuple[str, PhotoHeader]:
    try:
        header = check_photo(photo, limits)
    except PhotoError as error:
        raise refused(error) from None
    return hashlib.sha256(photo).hexdigest(), header


def refused(error: PhotoError) -> AskError:
    """What the caller is told."""
    if isinstance(error, PhotoSizeError):
        return TooLarge(str(error))
    return InvalidAsk(str(error), field="image_data")
