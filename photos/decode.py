"""A photo file's bytes → a small upright RGB picture; anything else is refused before memory is taken for it.

Big photos are shrunk while they are decoded (JPEG: by the decoder itself, at 1/2, 1/4 or 1/8), so that their full
size is in memory for a moment at most; `decoding_bytes` says how many bytes that takes.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import IO, NamedTuple, cast

import numpy as np
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from .bare import bare
from .colour import to_srgb
from .cut import MOST_MISSING, ended_jpeg, rows_of_jpeg, rows_of_png
from .errors import PhotoError, PhotoSizeError
from .header import NotAPhoto, PhotoHeader, read_header
from .limits import PhotoLimits

# Pillow would load them, and thirty others, when the first photo comes.
_PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)

ALLOWED = "a JPEG, PNG or WebP file"

# What Pillow raises on broken files; warnings are there for processes that turn them into errors.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    struct.error,
    zlib.error,
    UserWarning,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Files that people do send, named so that they know what to do about them.
OTHER_KINDS = (
    (b"\xff\xd8\xff", "a JPEG that is broken or cut short"),
    (b"\x89PNG", "a PNG that is broken or cut short"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"<svg", "an SVG"),
    (b"<?xml", "an XML or SVG file"),
)
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")


def check_photo(photo: bytes | memoryview, limits: PhotoLimits) -> PhotoHeader:
    """Read the header and refuse what is not to be decoded. Raises PhotoError; decodes nothing."""
    if len(photo) > limits.max_bytes:
        raise PhotoSizeError(
            f"The photo is {len(photo)} bytes; at most {limits.max_bytes} are taken. Resize it and ask again."
        )
    try:
        header = read_header(photo)
    except NotAPhoto:
        raise PhotoError(f"The photo is {_kind(photo)}; send {ALLOWED}.") from None
    if header.bits != 8:
        raise _unread(f"a JPEG of {header.bits} bits a colour")
    size = f"The photo is {header.width}x{header.height} px"
    low, high = limits.min_side_px, limits.max_side_px
    if not (low <= min(header.width, header.height) and max(header.width, header.height) <= high):
        raise PhotoError(f"{size}; each side must be {low} to {high} px. Resize it and ask again.")
    if header.width * header.height > limits.max_pixels:
        raise PhotoError(
            f"{size}; at most {limits.max_pixels} pixels are taken. Resize it and ask again.",
        )
    if not header.shrinks and header.width * header.height > limits.max_pixels_unshrunk:
        raise PhotoError(
            f"{size}; of a {_name(header)} at most {limits.max_pixels_unshrunk} pixels are taken. Send a baseline "
            "JPEG, or resize it, and ask again."
        )
    return header


class Opened(NamedTuple):
    """A picture, upright and in RGB."""

    picture: Image.Image
    missing: float | None  # the share of rows that a file that was cut short lacks; None of a whole one


def decode(photo: bytes | memoryview, header: PhotoHeader, *, smallest_px: int | None) -> Image.Image:
    """The picture that `open_photo` finds, as far as it is there."""
    return open_photo(photo, header, smallest_px=smallest_px).picture


def open_photo(photo: bytes | memoryview, header: PhotoHeader, *, smallest_px: int | None) -> Opened:
    """Decode a photo that `check_photo` let through to an upright RGB picture.

    The picture has the photo's own size, or a whole fraction of it with both sides still at least `smallest_px`; None
    is always the photo's own. Of a file that was cut short, rows that are missing are cut off too.
    Transparent parts are laid on white, as a page or a chat shows them; of an animation, the first frame counts;
    16 bits a channel become 8; an embedded colour profile is brought to sRGB. Raises PhotoError on broken files.
    """
    try:
        return Opened(_decoded(photo, header, smallest_px), None)
    except PhotoError as error:
        refused = PhotoError(*error.args)  # `error` holds what was decoded
    without = bare(photo, header.format)  # metadata that is not needed refuses no photo
    if without is not None:
        try:
            return Opened(_decoded(without, header, smallest_px), None)
        except PhotoError:
            pass
    return _cut_short(without or bytes(photo), header, smallest_px, refused)


def _cut_short(photo: bytes, header: PhotoHeader, smallest_px: int | None, refused: PhotoError) -> Opened:
    """What there is of a file that cannot be decoded to its end. Raises `refused` where that is too little."""
    ended, rows = None, header.height
    if header.format == "PNG":
        ended, rows = photo, rows_of_png(photo)
    elif header.format == "JPEG":
        ended = ended_jpeg(photo)
    if ended is None or rows < (1 - MOST_MISSING) * header.height:
        raise refused
    try:
        image = _opened(ended, header, smallest_px)
        try:
            image.load()
        except BROKEN:
            if header.format != "PNG":
                raise
            image.tile = []  # it keeps the rows that came
        rows = rows_of_jpeg(image) if header.format == "JPEG" else rows
        if rows < (1 - MOST_MISSING) * image.height:
            raise refused
        return Opened(_upright(image, smallest_px, rows), 1 - rows / image.height)
    except BROKEN:
        raise refused from None


def _decoded(photo: bytes | memoryview, header: PhotoHeader, smallest_px: int | None) -> Image.Image:
    try:
        image = _opened(photo, header, smallest_px)
        image.load()
        return _upright(image, smallest_px, image.height)
    except BROKEN as error:
        raise _broken(header) from error


def _opened(photo: bytes | memoryview, header: PhotoHeader, smallest_px: int | None) -> ImageFile.ImageFile:
    image = Image.open(_file(photo), formats=(header.format,))
    if image.size != (header.width, header.height):
        raise _broken(header)
    if header.format == "JPEG" and smallest_px is not None:
        image.draft(None, (smallest_px, smallest_px))
    return image


def _upright(image: Image.Image, smallest_px: int | None, rows: int) -> Image.Image:
    turn, profile = UPRIGHT.get(_orientation(image)), image.info.get("icc_profile")
    if rows < image.height:
        image = image.crop((0, 0, image.width, rows))
    picture = _rgb(to_srgb(shrunk(_eight_bits(image), smallest_px), profile))
    return picture if turn is None else picture.transpose(turn)


def shrunk(picture: Image.Image, smallest_px: int | None) -> Image.Image:
    """A picture made smaller by a whole number, both sides still at least `smallest_px`; None leaves it as it is."""
    factor = 1 if smallest_px is None else min(picture.width, picture.height) // smallest_px
    return picture.reduce(factor) if factor >= 2 else picture


def decoding_bytes(header: PhotoHeader, smallest_px: int | None) -> int:
    """The most bytes that decoding takes, from peaks measured on 48-megapixel files of every mode."""
    shrinks = 1 if smallest_px is None else max(1, min(header.width, header.height) // smallest_px)
    converted = 4 * _pixels(header, shrinks)  # from the file's colour space
    if header.shrinks:
        scale = next((one for one in (8, 4, 2) if one <= shrinks), 1)  # as draft() chooses it
        return 4 * _pixels(header, scale) + converted
    # A progressive JPEG keeps the coefficients of every pixel; WebP's animation decoder two canvases and copies.
    return {"JPEG": 7, "PNG": 12, "WEBP": 17}[header.format] * header.width * header.height + converted


def _pixels(header: PhotoHeader, scale: int) -> int:
    return -(-header.width // scale) * -(-header.height // scale)


def decoding_s(header: PhotoHeader, smallest_px: int | None) -> float:
    """About how long a processor decodes, from 12 and 48-megapixel files: 2.6, 13, 15 and 31 ns a pixel.

    A JPEG that is shrunk takes the least; one that must not be takes about what a progressive one does.
    """
    shrinks = header.shrinks and smallest_px is not None
    ns = 3 if shrinks else {"JPEG": 13, "PNG": 15, "WEBP": 31}[header.format]
    return ns * 1e-9 * header.width * header.height


class _View:
    """A part of a message as a file, read where it lies."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._view) if size is None or size < 0 else self._at + size
        data = bytes(self._view[self._at : end])
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, len(self._view))[whence])
        return self._at

    def tell(self) -> int:
        return self._at


def _file(photo: bytes | memoryview) -> IO[bytes]:
    return BytesIO(photo) if isinstance(photo, bytes) else cast("IO[bytes]", _View(photo))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Bring every mode that the three formats decode to into one that can be averaged."""
    if image.mode.startswith("I"):  # 16-bit greyscale: Pillow's own conversion clips at 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":  # which `convert` would copy
        return image
    if image.mode != "RGBA":
        return image.convert("RGB")
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def _orientation(image: Image.Image) -> int:
    """The Exif orientation, 1 to 8; 1 where it is missing or broken, which is no reason to refuse a photo."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1
    return value if isinstance(value, int) else 1


def _unread(kind: str) -> PhotoError:
    return PhotoError(
        f"The photo is {kind}, which cannot be read here. Save it as an ordinary JPEG (baseline, 8 bits), PNG or WebP, "
        "and ask again."
    )


def _broken(header: PhotoHeader) -> PhotoError:
    if header.rare:
        return _unread(
            f"a {header.rare} JPEG" if header.rare != "arithmetic-coded" else f"an {header.rare} JPEG"
        )
    name = "JPEG" if header.format == "JPEG" else _name(header)
    return PhotoError(f"The photo is a {name} that is broken or cut short; send {ALLOWED}, whole.")


def _name(header: PhotoHeader) -> str:
    return {"WEBP": "WebP", "JPEG": "progressive JPEG" if header.progressive else "JPEG"}.get(
        header.format, header.format
    )


def _kind(photo: bytes | memoryview) -> str:
    if not photo:
        return "empty (0 bytes)"
    if photo[4:8] == b"ftyp" and photo[8:12] in HEIF_BRANDS:
        return "a HEIC or AVIF"
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "a WebP that is broken or cut short"
    start = bytes(photo[:64]).lstrip()
    return next(
        (name for magic, name in OTHER_KINDS if start.startswith(magic)), "not one that can be read here"
    )
