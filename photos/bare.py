"""A photo file without what is not needed to see it: for files whose metadata a decoder stumbles over."""

from __future__ import annotations

from .header import JPEG_BARE, MAX_JPEG_SEGMENTS, MAX_PNG_CHUNKS, PNG_SIGNATURE

# Without the rest a picture looks the same, or nearly: colour profiles go too. Exif says which side is up.
PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
JPEG_ADOBE, ADOBE_BYTES = 0xEE, 14
JPEG_SCAN = 0xDA


def bare(photo: bytes | memoryview, kind: str) -> bytes | None:
    """The file with its pixels alone, None where nothing could be left out; `kind` is the format by Pillow's name."""
    read = {"PNG": _png, "JPEG": _jpeg}.get(kind)
    found = None if read is None else read(bytes(photo))
    return None if found is None or len(found) == len(photo) else found


def _png(photo: bytes) -> bytes | None:
    parts, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    for _ in range(MAX_PNG_CHUNKS):
        end = at + 12 + int.from_bytes(photo[at : at + 4])
        if at >= len(photo):
            break
        if photo[at + 4 : at + 8] in PNG_NEEDED:
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
