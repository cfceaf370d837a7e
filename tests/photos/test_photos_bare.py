"""Metadata that is not needed refuses no photo, however broken it is; broken pixels still do."""

from __future__ import annotations

import numpy as np
import pytest
from photo_files import _chunk, encoded, picture
from PIL import Image

from asksight.photos.bare import bare
from asksight.photos.decode import check_photo, decode
from asksight.photos.errors import PhotoError
from asksight.photos.limits import PhotoLimits

LIMITS = PhotoLimits()
JPEG, PNG = (encoded(picture(200, 150), kind) for kind in ("JPEG", "PNG"))


def see(file: bytes) -> Image.Image:
    return decode(file, check_photo(file, LIMITS), smallest_px=64)


def segment(marker: int, data: bytes) -> bytes:
    return JPEG[:2] + bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2) + data + JPEG[2:]


def chunk(name: bytes, data: bytes) -> bytes:
    return PNG[:33] + _chunk(name, data) + PNG[33:]


@pytest.mark.parametrize(
    "file",
    [
        segment(0xE0, b"JFIF"),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff<<<"),
        segment(0xE1, b"Exif\0\0garbage"),
        segment(0xE2, b"ICC_PROFILE\0"),
        segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0"),
        segment(0xEE, b"Adobe"),
        JPEG + b"more bytes",
    ],
)
def test_a_jpeg_with_broken_metadata_is_seen(file: bytes) -> None:
    assert np.array_equal(np.asarray(see(file)), np.asarray(see(JPEG)))


def with_wrong_sum(name: bytes) -> bytes:
    file = bytearray(chunk(name, b"a\0b"))
    file[file.index(name) + 7] ^= 1
    return bytes(file)


@pytest.mark.parametrize(
    "file",
    [
        *(chunk(name, b"") for name in (b"iCCP", b"gAMA", b"sRGB", b"tEXt", b"tIME")),
        *(chunk(name, b"1") for name in (b"pHYs", b"cHRM", b"acTL", b"eXIf")),
        *(with_wrong_sum(name) for name in (b"tEXt", b"eXIf", b"tRNS")),
        PNG + b"more bytes",
    ],
)
def test_a_png_with_broken_metadata_is_seen(file: bytes) -> None:
    assert np.array_equal(np.asarray(see(file)), np.asarray(see(PNG)))


def test_a_file_without_metadata_is_not_tried_twice() -> None:
    once = bare(PNG, "PNG") or PNG
    assert bare(once, "PNG") is None
    assert bare(encoded(picture(), "WEBP"), "WEBP") is None


def test_broken_pixels_are_refused_with_broken_metadata_too() -> None:
    for file in (segment(0xE2, b"ICC_PROFILE\0"), chunk(b"gAMA", b"")):
        with pytest.raises(PhotoError, match="broken or cut short"):
            see(file[: len(file) // 2])
