"""A photo file without what is not needed to see it: for files whose metadata a decoder stumbles over."""

from __future__ import annotations

import zlib

from .header import JPEG_BARE, MAX_JPEG_SEGMENTS, MAX_PNG_CHUNKS, PNG_SIGNATURE

# Without the rest a picture looks the same, or nearly: colour profiles go too. Exif says which side is up.
PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
WEBP_NEEDED = (b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF", b"EXIF")
MAX_WEBP_CHUNKS = 8_192  # some animations have a frame for each
JPEG_ADOBE, ADOBE_BYTES = 0xEE, 14
JPEG_SCAN = 0xDA


def bare(photo: bytes | memoryview, kind: str) -> bytes | None:
    """The file with its pixels alone, None where nothing could be left out; `kind` is the format by Pillow's name."""
    file = bytes(photo)
    found = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp}[kind](file)
    return None if found == file else found


def _png(photo: bytes) -> bytes | None:
    parts, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    for _ in range(MAX_PNG_CHUNKS):
        end = at + 12 + int.from_bytes(photo[at : at + 4])
        if at >= len(photo):
            break
        kind = photo[at + 4 : at + 8]
        # Those with a small first letter are ancillary; with a wrong checksum, decoders do without them.
        damaged = (
            kind[:1].islower() and zlib.crc32(photo[at + 4 : end - 4]).to_bytes(4) != photo[end - 4 : end]
        )
        if kind in PNG_NEEDED and not damaged:
            parts.append(photo[at:end])
        at = end
    return b"".join(parts)


def _jpeg(photo: bytes) -> bytes | None:
    parts, at = [photo[:2]], 2
    for _ in range(MAX_JPEG_SEGMENTS):
        start = photo.find(b"\xff", at)
        if start < 0 or start + 4 > len(photo):
            return None
        marker = photo[start + 1]
        if marker == 0xFF:
            at = start + 1
            continue
        if marker == JPEG_SCAN:
            return b"".join([*parts, photo[start:]])
        at = start + 2
        length = 0 if marker in JPEG_BARE or marker == 0 else int.from_bytes(photo[at : at + 2])
        needed = not (0xE0 <= marker <= 0xEF or marker == 0xFE)
        exif = marker == 0xE1 and photo[at + 2 : at + 6] == b"Exif"
        if needed or exif or (marker == JPEG_ADOBE and length >= ADOBE_BYTES):
            parts.append(photo[start : at + length])
        at += length
    return None


def _webp(photo: bytes) -> bytes:
    """Of an animation, the first frame; chunks that are cut short go, and the length that the file states is mended."""
    parts, at = [b"WEBP"], 12
    for _ in range(MAX_WEBP_CHUNKS):
        kind, length = photo[at : at + 4], int.from_bytes(photo[at + 4 : at + 8], "little")
        end = at + 8 + length
        if end > len(photo):
            break
        if kind in WEBP_NEEDED and not (kind == b"ANMF" and parts[-1][:4] == b"ANMF"):
            parts.append(photo[at:end] + bytes(length % 2))
        at = end + length % 2
    body = b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
