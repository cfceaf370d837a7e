"""What a photo's header says, read from its first bytes without decoding: format, width and height.

Formats: PNG (W3C PNG, 11.2.1), WebP (RFC 9649), JPEG (ITU T.81, B.1 and B.2.2). The walk over the chunks or segments
is bounded too: a file of a million empty ones is no photo, and decoders visit them one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

MAX_PNG_CHUNKS = 32_768  # 16 MiB in the 512-byte pieces of the stingiest encoders
MAX_JPEG_SEGMENTS = 2_048  # a long Exif, XMP and ICC head takes a few dozen
MAX_JPEG_SCANS = 64  # each goes over the whole picture again; cameras and encoders make about ten

MAX_PNG_PROFILES = 8  # there is to be one; each is unpacked, into a thousand times its bytes
MAX_EXIF_BYTES = 256 * 1024  # of one segment, 64 KiB, as a rule; a list in it of 10 MiB takes Pillow a second

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Start of frame, all kinds; DHT (C4), JPG (C8) and DAC (CC) lie between them and are none.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
JPEG_RARE = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA), "arithmetic-coded"),
    0xCB: "lossless",
}
MARK = re.compile(rb"\xff")  # unlike bytes.find, in a memoryview too
PIXELS_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # FF 00 and RSTn are among them, FF is a fill byte
JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RSTn and SOI have no length


class NotAPhoto(Exception):  # noqa: N818 (a finding about bytes, turned into an InvalidAsk by photos.py)
    """The bytes are none of the three formats, or their header is broken."""


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """The format by Pillow's name, the size in pixels, and whether a JPEG comes in several passes."""

    format: str
    width: int
    height: int
    progressive: bool = False
    bits: int = 8  # of a JPEG, for each colour
    rare: str = ""  # how a JPEG is coded where that is neither baseline nor progressive

    @property
    def short_side(self) -> int:
        """Pixels; the same however Exif has it turned."""
        return min(self.width, self.height)

    @property
    def shrinks(self) -> bool:
        """Whether the decoder can make it small at once, without all pixels in memory or decoded one by one."""
        return self.format == "JPEG" and not self.progressive


def read_header(photo: bytes | memoryview) -> PhotoHeader:
    """Read the header of a PNG, JPEG or WebP file. Raises NotAPhoto; allocates next to nothing."""
    if photo[:8] == PNG_SIGNATURE:
        return _png(photo)
    if photo[:3] == b"\xff\xd8\xff":
        return _jpeg(photo)
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return _webp(photo)
    raise NotAPhoto


def _png(photo: bytes | memoryview) -> PhotoHeader:
    if photo[12:16] != b"IHDR" or len(photo) < 33:
        raise NotAPhoto
    at, profiles = len(PNG_SIGNATURE), 0
    for _ in range(MAX_PNG_CHUNKS):
        kind = photo[at + 4 : at + 8]
        if at >= len(photo) or kind == b"IEND":
            return PhotoHeader("PNG", int.from_bytes(photo[16:20]), int.from_bytes(photo[20:24]))
        profiles += kind == b"iCCP"
        if profiles > MAX_PNG_PROFILES:
            break
        at += 12 + int.from_bytes(photo[at : at + 4])
    raise NotAPhoto


def _webp(photo: bytes | memoryview) -> PhotoHeader:
    kind = photo[12:16]
    if len(photo) < 30:
        raise NotAPhoto
    if kind == b"VP8X":  # extended: the canvas, each side less one in 24 bits
        width = 1 + int.from_bytes(photo[24:27], "little")
        return PhotoHeader("WEBP", width, 1 + int.from_bytes(photo[27:30], "little"))
    if kind == b"VP8L" and photo[20] == 0x2F:  # lossless: each side less one in 14 bits
        bits = int.from_bytes(photo[21:25], "little")
        return PhotoHeader("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 " and photo[23:26] == b"\x9d\x01\x2a":  # lossy: 14 bits, above them a scaling hint
        width = int.from_bytes(photo[26:28], "little") & 0x3FFF
        return PhotoHeader("WEBP", width, int.from_bytes(photo[28:30], "little") & 0x3FFF)
    raise NotAPhoto


def _jpeg(photo: bytes | memoryview) -> PhotoHeader:
    found: PhotoHeader | None = None
    colours = exif_bytes = 0
    at = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        marked = MARK.search(photo, at)  # garbage between segments is skipped, as libjpeg does
        if marked is None or marked.end() == len(photo):
            break
        at = marked.end()
        if photo[at] == 0xFF:  # a fill byte; it counts as a segment, since decoders visit it as one
            continue
        marker = photo[at]
        length = 0 if marker in JPEG_BARE or marker == 0 else int.from_bytes(photo[at + 1 : at + 3])
        if marker in JPEG_FRAMES and at + 8 <= len(photo):
            height, width = int.from_bytes(photo[at + 4 : at + 6]), int.from_bytes(photo[at + 6 : at + 8])
            found = PhotoHeader(
                "JPEG",
                width,
                height,
                marker in JPEG_PROGRESSIVE,
                bits=photo[at + 3],
                rare=JPEG_RARE.get(marker, ""),
            )
            colours = int.from_bytes(photo[at + 8 : at + 9])
        if marker == 0xE1 and photo[at + 3 : at + 7] == b"Exif":  # which decoders take for one, all together
            exif_bytes += length
            if exif_bytes > MAX_EXIF_BYTES:
                break
        if marker == 0xDA and found:  # start of scan: the pixels come next
            _walk_scans(photo, marked.start())
            one_by_one = (
                0 < int.from_bytes(photo[at + 3 : at + 4]) < colours
            )  # which takes several passes too
            return replace(found, progressive=found.progressive or one_by_one)
        at += 1 + length
    raise NotAPhoto


def _walk_scans(photo: bytes | memoryview, at: int) -> None:
    """Go on to the picture's end, or the file's; what is behind it, as a phone's video, is none of the picture."""
    scans = 0
    for _ in range(MAX_JPEG_SEGMENTS):
        marked = PIXELS_END.search(photo, at)
        if marked is None or photo[marked.end() - 1] == 0xD9:
            return
        marker, at = photo[marked.end() - 1], marked.end()
        scans += marker == 0xDA
        if scans > MAX_JPEG_SCANS:
            break
        at += 0 if marker in JPEG_BARE else int.from_bytes(photo[at : at + 2])
    raise NotAPhoto
