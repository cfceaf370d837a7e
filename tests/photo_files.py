"""Photo files for tests, good and bad, as they would lie on a disk."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from asksight.photos.cut import PASSES


def picture(width: int = 96, height: int = 64, *, seed: int = 0) -> Image.Image:
    """A smooth colourful picture that differs from seed to seed."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file's bytes, `kind` by Pillow's name."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(kind: str = "JPEG", *, seed: int = 0, width: int = 96, height: int = 64) -> bytes:
    """A good photo file of that kind."""
    return encoded(picture(width, height, seed=seed), kind)


def png_bomb(side: int = 30_000) -> bytes:
    """A whole, valid greyscale PNG of side x side px, a multiple of 100, that is about a megabyte at 30,000."""
    # All rows are zeros, so a hundred are packed and repeated; packing each would take seconds.
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    rows = packer.compress(bytes(100 * (1 + side))) + packer.flush(zlib.Z_FULL_FLUSH)
    checked = (side * (1 + side) % 65521 << 16) + 1  # Adler-32 (RFC 1950) of so many zeros
    pixels = b"\x78\xda" + side // 100 * rows + packer.flush() + struct.pack(">I", checked)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def webp_of_frames(frames: int, *, side: int = 64) -> bytes:
    """An animated WebP: a red frame, then `frames` - 1 blue ones."""

    def frame(colour: str) -> bytes:
        still = encoded(Image.new("RGB", (side, side), colour), "WEBP", lossless=True)[12:]  # its VP8L chunk
        place = bytes(6) + _u24(side - 1) + _u24(side - 1) + _u24(10) + b"\x02"
        return _riff(b"ANMF", place + still)

    body = _riff(b"VP8X", b"\x02\0\0\0" + _u24(side - 1) + _u24(side - 1)) + _riff(b"ANIM", bytes(6))
    body += frame("red") + frame("blue") * (frames - 1)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def interlaced_png(width: int, height: int) -> bytes:
    """A PNG in the seven passes of Adam7, which Pillow does not write."""
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows = b"".join(
        b"\0" + row.tobytes() for x, y, right, down in PASSES for row in pixels[y::down, x::right]
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def png_of_chunks(chunks: int) -> bytes:
    """A PNG with that many empty chunks before its pixels."""
    whole = photo("PNG")
    return whole[:33] + _chunk(b"teSt", b"") * chunks + whole[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _u24(number: int) -> bytes:
    return number.to_bytes(3, "little")
