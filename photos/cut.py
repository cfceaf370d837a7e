"""What is there of a photo that was cut short: a download that broke off, a card that was pulled out.

Rows that are missing are cut off, so that no model sees what a decoder fills them with. JPEG (ITU T.81): the decoder
is given the end mark that is missing, and fills blocks of which it has nothing with a mid grey. PNG: the rows are
counted in the compressed stream. WebP has no rows that could be told from guesses, so all its pixels must be there.
"""

from __future__ import annotations

import zlib

import numpy as np
from PIL import Image

from .header import JPEG_BARE, MARK, MAX_JPEG_SEGMENTS, MAX_PNG_CHUNKS, PIXELS_END, PNG_SIGNATURE

MOST_MISSING = 0.1  # of the rows; with more, what is asked about may be what is missing

JPEG_SEQUENTIAL, JPEG_PROGRESSIVE = frozenset({0xC0, 0xC1}), 0xC2
JPEG_SCAN, JPEG_END = 0xDA, b"\xff\xd9"
COEFFICIENTS = 64  # of a block
BLANK = 128  # what libjpeg's blocks without data become, in every colour space; 127 where it is inverted
PIECE = 64 * 1024  # bytes inflated at once, from as many at most: zlib copies what it has not used
# Adam7: the first column and row of each pass, and how far apart its others are (W3C PNG, 8.2)
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def ended_jpeg(photo: bytes) -> bytes | None:
    """The file with an end mark, None where it has one, or where colours or details of the picture are missing.

    A picture that comes in one pass may lack rows. Of one that comes in several, each colour's coefficients must be
    there, but for the lowest bit, which the last passes of usual encoders bring (G.1.2).
    """
    frame, colours, wanted = 0, b"", set[tuple[int, int]]()
    known: set[tuple[int, int]] = set()
    begun: set[tuple[int, int]] = set()  # by the scan at hand
    in_scan = False
    at = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        marked = (PIXELS_END if in_scan else MARK).search(photo, at)
        if marked is None or marked.end() >= len(photo):
            break
        at = marked.end() - in_scan
        marker = photo[at]
        if marker == 0xFF:
            continue
        if marker == 0xD9:
            return None
        known |= begun
        length = 0 if marker in JPEG_BARE or marker == 0 else max(2, int.from_bytes(photo[at + 1 : at + 3]))
        if at + 1 + length > len(photo):
            photo = photo[: marked.start()]  # a header that was cut would be an error
            break
        if marker in JPEG_SEQUENTIAL or marker == JPEG_PROGRESSIVE:
            frame, colours = marker, photo[at + 9 : at + 1 + length : 3]
            wanted = {(colour, k) for colour in colours for k in range(COEFFICIENTS)}
        if marker == JPEG_SCAN:
            in_scan, begun = True, _brought(photo[at + 3 : at + 1 + length])
        at += 1 + length
    in_one_pass = frame in JPEG_SEQUENTIAL and not known and begun == wanted
    if not wanted or not (in_one_pass or known >= wanted):
        return None
    return photo.rstrip(b"\0") + JPEG_END  # zeros: a file whose room was taken before it came


def _brought(scan: bytes) -> set[tuple[int, int]]:
    """The coefficients that a scan brings to all but their lowest bit, as its header says (B.2.3)."""
    if len(scan) < 4 or scan[-1] & 15 > 1:
        return set()
    first, last = scan[-3], min(scan[-2], COEFFICIENTS - 1)
    return {(colour, k) for colour in scan[1 : 1 + 2 * scan[0] : 2] for k in range(first, last + 1)}


def rows_of_jpeg(picture: Image.Image) -> int:
    """How many rows of a decoded picture have something of the file at their end."""
    ends = np.asarray(picture.crop((picture.width - 1, 0, picture.width, picture.height)), int)
    seen = np.any(np.abs(ends.reshape(picture.height, -1) - BLANK) > 1, axis=1)
    return picture.height - int(seen[::-1].argmax()) if seen.any() else 0


def rows_of_png(photo: bytes) -> int:
    """How many rows of a PNG its compressed stream holds, from the top; bounded in memory and by the picture's size."""
    width, height = int.from_bytes(photo[16:20]), int.from_bytes(photo[20:24])
    bits = photo[24] * PNG_CHANNELS.get(photo[25], 0)
    interlaced = photo[28] == 1
    x, y, right, down = PASSES[-1] if interlaced else (0, 0, 1, 1)
    before = _bytes(width, height, bits, PASSES[:-1]) if interlaced else 0
    row = 1 + (-(-(width - x) // right) * bits + 7) // 8
    held = _inflated_bytes(photo, before + row * height)
    return min(height, y + down * ((held - before) // row)) if held >= before else 0


def _bytes(width: int, height: int, bits: int, passes: tuple[tuple[int, int, int, int], ...]) -> int:
    found = 0
    for x, y, right, down in passes:
        columns, rows = -(-(width - x) // right), -(-(height - y) // down)
        found += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return found


def _inflated_bytes(photo: bytes, most: int) -> int:
    """How many bytes the image data inflates to, as far as it can be; it stops at `most`."""
    stream, found, at = zlib.decompressobj(), 0, len(PNG_SIGNATURE)
    for _ in range(MAX_PNG_CHUNKS):
        length = int.from_bytes(photo[at : at + 4])
        pixels = photo[at + 4 : at + 8] == b"IDAT"
        if found and not pixels:  # decoders look no further
            break
        end = min(at + 8 + length, len(photo)) if pixels else 0
        for start in range(at + 8, end, PIECE):
            waiting = photo[start : min(start + PIECE, end)]
            while waiting:
                try:
                    found += len(stream.decompress(waiting, PIECE))
                except zlib.error:
                    return found
                if found >= most:
                    return found
                waiting = stream.unconsumed_tail
        at += 12 + length
        if at >= len(photo):
            break
    return found
