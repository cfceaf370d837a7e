"""Rare structures are seen as Chromium and Pillow show them: what is odd about a file is not its picture."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from odd_photos.structures import VIDEO
from PIL import Image, ImageCms

from asksight.photos.decode import check_photo, decode
from asksight.photos.limits import PhotoLimits

COLOUR = (30, 160, 60)
PICTURE = Image.new("RGB", (200, 120), COLOUR)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CHANCE = Random(11)


def saved(kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    PICTURE.save(out, kind, quality=92, **options)
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(*segments: bytes) -> bytes:
    file = saved()
    return file[:2] + b"".join(segments) + file[2:]


def before(marker: bytes, more: bytes) -> bytes:
    file = saved()
    at = file.index(marker)
    return file[:at] + more + file[at:]


def exif(order: bytes, entry: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + order + entry)


def profile(*parts: tuple[int, int, bytes]) -> list[bytes]:
    return [segment(0xE2, b"ICC_PROFILE\0" + bytes([number, count]) + part) for number, count, part in parts]


def multi_picture(offset: bytes) -> bytes:
    """CIPA DC-007's index of two pictures, of which the second lies there."""
    index = b"MM\0*\0\0\0\x08\0\x03\xb0\0\0\x07\0\0\0\x040100"
    index += b"\xb0\x01\0\x04\0\0\0\x01\0\0\0\x02\xb0\x02\0\x07\0\0\0\x20"
    return segment(0xE2, b"MPF\0" + index + offset + bytes(4))


def without_tables() -> bytes:
    """Huffman's, as a frame of Motion JPEG is."""
    file, at = saved(), 2
    kept = file[:2]
    while True:
        end = at + 2 + int(struct.unpack(">H", file[at + 2 : at + 4])[0])
        if file[at + 1] != 0xC4:
            kept += file[at:end]
        if file[at + 1] == 0xDA:
            return kept + file[end:]
        at = end


def webp(behind: bytes = b"", flags: int = 0, first: bytes = b"") -> bytes:
    """An extended file (RFC 9649, 2.7) with these chunks around the picture."""
    simple = saved("WEBP")[12:]
    head = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0])
    head += struct.pack("<I", 199)[:3] + struct.pack("<I", 119)[:3]
    body = b"WEBP" + head + first + simple + behind
    return b"RIFF" + struct.pack("<I", len(body)) + body


ORIENTED = b"\0\x01\x01\x12\0\x03\0\0\0\x01"
RARE: dict[str, Callable[[], bytes]] = {
    "a container's padding and video": lambda: (
        saved(progressive=True) + bytes(64) + VIDEO + CHANCE.randbytes(9000)
    ),
    "a HEIC behind": lambda: saved() + b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + CHANCE.randbytes(3000),
    "a video where the end mark should be": lambda: saved()[:-2] + VIDEO + CHANCE.randbytes(2000),
    "an index of pictures that are nowhere": lambda: with_segments(multi_picture(b"\xff\xff\xff\xf0")),
    "depth behind an index": lambda: with_segments(multi_picture(b"\0\0\0\x20")) + saved()[:900],
    "zeros between segments": lambda: before(b"\xff\xdb", bytes(300)),
    "garbage before the tables": lambda: before(b"\xff\xc4", b"\0\0\0garbage\0"),
    "a comment behind the scan": lambda: saved()[:-2] + segment(0xFE, b"later") + b"\xff\xd9",
    "fill bytes before the end": lambda: saved()[:-2] + b"\xff\xff\xff\xd9",
    "no tables, as in Motion JPEG": without_tables,
    "an empty APP1": lambda: with_segments(segment(0xE1, b"")),
    "Exif that goes round": lambda: with_segments(
        exif(b"MM\0*\0\0\0\x08", ORIENTED + b"\0\x01\0\0\0\0\0\x08")
    ),
    "Exif of a ninth orientation": lambda: with_segments(
        exif(b"MM\0*\0\0\0\x08", ORIENTED + b"\0\x09\0\0\0\0\0\0")
    ),
    "two blocks of Exif": lambda: with_segments(
        exif(b"MM\0*\0\0\0\x08", ORIENTED + b"\0\x01\0\0\0\0\0\0"), exif(b"II*\0\x08\0\0\0", bytes(6))
    ),
    "pieces of a profile, swapped": lambda: with_segments(*profile((2, 2, SRGB[300:]), (1, 2, SRGB[:300]))),
    "a profile of which a piece is missing": lambda: with_segments(*profile((2, 3, SRGB[:500]))),
    "a profile numbered from nought": lambda: with_segments(*profile((0, 0, SRGB))),
    "a profile of version 5": lambda: saved(icc_profile=SRGB[:8] + b"\5" + SRGB[9:]),
    "Photoshop's block with a false length": lambda: with_segments(
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x0c\0\0\0\0\xff\xff" + bytes(40))
    ),
    "a thermal camera's megabytes": lambda: with_segments(
        *[segment(0xE1, b"FLIR\0\1" + bytes([i, 9]) + CHANCE.randbytes(60_000)) for i in range(10)]
    ),
    "chunks of WebP that nobody knows": lambda: webp(b"ZZZZ\7\0\0\0yyyyyyy\0", 0, b"ABCD\2\0\0\0xx"),
    "flags of WebP that are not true": lambda: webp(flags=0x3C),
    "a profile of WebP that is none": lambda: webp(flags=0x20, first=b"ICCP\x08\0\0\0nonsense"),
    "bytes behind a WebP": lambda: saved("WEBP") + CHANCE.randbytes(999),
}


@pytest.mark.parametrize("file", RARE.values(), ids=RARE)
def test_the_picture_is_seen(file: Callable[[], bytes]) -> None:
    data = file()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about what is odd
        pixels = np.asarray(decode(data, check_photo(data, PhotoLimits()), smallest_px=100))
    assert np.abs(pixels[20:-20, 20:-20].astype(int) - COLOUR).max() < 12
