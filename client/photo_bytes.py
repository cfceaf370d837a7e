"""Turns a photo, in any form that `Photo` allows, into the bytes that are sent."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from .errors import InvalidAskError, PhotoFileError, TooLargeError
from .results import ImageId

if TYPE_CHECKING:
    from PIL.Image import Image

Photo: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image | ImageId"

MAX_MESSAGE_BYTES = 16 * 2**20  # the largest message that a server accepts
REQUEST_BYTES = 64 * 2**10  # left for the question and the message's framing
MAX_PHOTO_BYTES = MAX_MESSAGE_BYTES - REQUEST_BYTES

# PNG is lossless but large. Above this size an RGB image is sent as a JPEG of quality 95, which looks the same.
PNG_PIXELS = 2**20
PNG_MODES = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")


def read_photo(photo: Photo) -> bytes:
    """Give the bytes of an image file.

    A file object is read from its current position; where it can seek, the position is restored. Raises
    PhotoFileError for a file that cannot be read, TooLargeError above 16 MiB (without reading it all),
    InvalidAskError for a file object that is opened as text, and TypeError for any other type.
    """
    if isinstance(photo, bytes | bytearray | memoryview):
        return _within_limit(bytes(photo))
    if isinstance(photo, str | os.PathLike):
        return _read_path(os.fspath(photo))
    if _is_pillow_image(photo):
        return _within_limit(_encode(cast("Image", photo)))
    if hasattr(photo, "read"):
        return _read_file_object(cast("BinaryIO", photo))
    raise TypeError(
        f"The photo is of type {type(photo).__name__}; it must be a path, bytes, a file object opened in binary mode, "
        f"a PIL image or an ImageId."
    )


def _read_path(path: str | bytes) -> bytes:
    name = os.fsdecode(path)
    try:
        with Path(name).open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_PHOTO_BYTES:
                raise _too_large(status.st_size)
            return _within_limit(file.read(MAX_PHOTO_BYTES + 1))
    except FileNotFoundError:
        raise PhotoFileError(
            f"There is no file {name!r}. Give the path of a JPEG, PNG or WebP file."
        ) from None
    except IsADirectoryError:
        raise PhotoFileError(f"{name!r} is a folder. Give the path of a JPEG, PNG or WebP file.") from None
    except ValueError:  # a NUL in the path
        raise PhotoFileError(
            f"The path {name!r} contains a NUL character, which no path can have. Give another path."
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PhotoFileError(f"The photo {name!r} cannot be read: {reason}.") from error


def _read_file_object(file: BinaryIO) -> bytes:
    start = file.tell() if hasattr(file, "seekable") and file.seekable() else None
    data = file.read(MAX_PHOTO_BYTES + 1)
    if start is not None:
        file.seek(start)  # so that a second question about the same file object reads the same photo
    if not isinstance(data, bytes):
        raise InvalidAskError('The photo file is opened as text. Open it with mode "rb".', field="image_data")
    return _within_limit(data)


def _is_pillow_image(photo: object) -> bool:
    pillow = sys.modules.get("PIL.Image")  # a program that has a PIL image has imported the module
    return pillow is not None and isinstance(photo, pillow.Image)


def _encode(image: Image) -> bytes:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)  # the new file has no orientation tag
    file = io.BytesIO()
    try:
        if upright.mode not in PNG_MODES:
            upright = upright.convert("I;16" if upright.mode == "I" else "RGB")
        if upright.width * upright.height > PNG_PIXELS and upright.mode == "RGB":
            upright.save(file, "JPEG", quality=95, subsampling=0)
        else:
            upright.save(file, "PNG", compress_level=1)
    except (ValueError, OSError) as error:
        raise InvalidAskError(
            f"The PIL image cannot be sent ({error}). Convert it to RGB and ask again.", field="image_data"
        ) from error
    return file.getvalue()


def _within_limit(data: bytes) -> bytes:
    if len(data) > MAX_PHOTO_BYTES:
        raise _too_large(len(data))
    return data


def _too_large(size: int) -> TooLargeError:
    return TooLargeError(
        f"The photo has {size / 2**20:.1f} MiB or more; a message holds at most "
        f"{MAX_MESSAGE_BYTES // 2**20} MiB. Make it smaller and ask again."
    )
