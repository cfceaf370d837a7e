"""Files as phones and editors build them, put together from their specifications, and files as Pillow writes them.

Motion photos (Android's "Motion Photo format 1.0"), several pictures in one file (CIPA DC-007), gain maps (Ultra HDR
1.1), trailers as Samsung writes them (SEFH, SEFT), Apple's notes, GIMP's metadata, every chunk of PNG (W3C PNG, third
edition).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageCms

Maker = Callable[[Image.Image, Random, Path], bytes]

VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\0\0\x10\0mdat"
TURNED = {
    2: 0,
    3: 3,
    4: 1,
    5: 5,
    6: 2,
    7: 6,
    8: 4,
}  # how a camera stores what Exif turns upright: Image.Transpose


def makers() -> dict[str, tuple[Maker, ...]]:
    """The kinds of files, a few ways of each."""
    return {
        "Pillow": (*map(_pillow, PILLOW), _rgb_jpeg, _sixteen_bits, _four_bits),
        "Exif orientation": tuple(
            _turned(kind, turn) for kind in ("JPEG", "PNG", "WEBP") for turn in range(1, 9)
        ),
        "colour profiles": tuple(
            _profiled(kind, which) for kind in ("JPEG", "PNG", "WEBP") for which in PROFILES
        ),
        "motion photo": (_motion_photo, _samsung),
        "several pictures": (_several, _gain_map),
        "Apple's and GIMP's metadata": (_apple, _gimp),
        "odd segments": (_fill_bytes, _garbage, _long_comments, _no_app0, _junk_behind),
        "every chunk of PNG": (_every_chunk, _late_chunks, _broken_chunks, _tiny_idats, _split_idats),
        "cut by a little": tuple(_cut(kind, **more) for kind, more in CUT),
    }


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


PILLOW: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("JPEG", "RGB", {"quality": quality}) for quality in (10, 30, 60, 100)),
    *(("JPEG", "RGB", {"subsampling": sampling}) for sampling in (0, 1, 2)),
    ("JPEG", "RGB", {"progressive": True, "optimize": True}),
    ("JPEG", "RGB", {"restart_marker_blocks": 1}),
    ("JPEG", "CMYK", {}),
    *(("PNG", mode, {}) for mode in ("RGB", "RGBA", "P")),
    ("PNG", "RGB", {"compress_level": 0}),
    ("WEBP", "RGB", {"quality": 20}),
    ("WEBP", "RGB", {"lossless": True, "method": 0}),
    ("WEBP", "RGBA", {"exact": True}),
)


def _pillow(how: tuple[str, str, dict[str, Any]]) -> Maker:
    kind, mode, options = how
    return lambda picture, *_: saved(picture.convert(mode), kind, **options)


def _rgb_jpeg(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return saved(picture, "JPEG", keep_rgb=True, quality=90)


def _sixteen_bits(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return _png(picture, bits=16)


def _four_bits(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return saved(picture.quantize(16), "PNG", bits=4)


def _turned(kind: str, turn: int) -> Maker:
    def make(picture: Image.Image, chance: Random, folder: Path) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = turn
        stored = picture.transpose(Image.Transpose(TURNED[turn])) if turn > 1 else picture
        return saved(stored, kind, exif=exif)

    return make


PROFILES = ("sRGB", "GRAY as RGB", "broken", "empty", "XYZ", "LAB")


def _profiled(kind: str, which: str) -> Maker:
    def make(picture: Image.Image, chance: Random, folder: Path) -> bytes:
        profile = {"broken": bytes(chance.randbytes(3000)), "empty": b"\0"}.get(which)
        if profile is None:
            name = {"LAB": "LAB", "XYZ": "XYZ"}.get(which, "sRGB")
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]
        if which == "GRAY as RGB":
            profile = profile[:16] + b"GRAY" + profile[20:]
        return saved(picture, kind, icc_profile=profile)

    return make


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def _xmp(inner: str) -> bytes:
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inner}</rdf:RDF></x:xmpmeta>'
    return _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text.encode())


def _motion_photo(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    video = VIDEO + chance.randbytes(chance.randint(1000, 200_000)) + b"\xff\xda" * 200
    about = (
        '<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" '
        f'GCamera:MicroVideoOffset="{len(video)}"/>'
    )
    return _with_segments(saved(picture, "JPEG", progressive=chance.random() < 0.3), _xmp(about)) + video


def _samsung(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    block = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + VIDEO + chance.randbytes(5000)
    table = b"SEFH" + struct.pack("<III", 107, 1, 0x0A300000) + struct.pack("<II", len(block), len(block))
    return saved(picture, "JPEG") + block + table + struct.pack("<I", len(table)) + b"SEFT"


def _several(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    other = Image.new("RGB", (64, 48), (1, 2, 3))
    return saved(picture, "MPO", save_all=True, append_images=[other])


def _gain_map(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    gains = saved(picture.convert("L").reduce(2), "JPEG")
    about = (
        '<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
        f'hdrgm:GainMapMax="{chance.uniform(1, 4):.2f}"/>'
    )
    primary = _with_segments(
        saved(picture, "JPEG"), _xmp(about), _segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
    )
    return primary + gains


def _apple(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Apple", "iPhone", 1
    exif.get_ifd(0x8769)[0x927C] = b"Apple iOS\0\0\x01MM" + chance.randbytes(600)
    exif.get_ifd(0x8825)[1] = "N"
    return saved(picture, "JPEG", exif=exif)


def _gimp(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    about = '<rdf:Description xmlns:GIMP="http://www.gimp.org/xmp/" GIMP:Version="2.10.34"/>'
    jfif, comment = _xmp(about), _segment(0xFE, b"Created with GIMP")
    return _with_segments(saved(picture, "JPEG", dpi=(300, 300), progressive=True), jfif, comment)


def _fill_bytes(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    file = saved(picture, "JPEG")
    at = file.index(b"\xff\xdb")
    return file[:at] + b"\xff" * chance.randint(1, 500) + file[at:]


def _garbage(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    file = saved(picture, "JPEG")
    at = file.index(b"\xff\xdb")
    return file[:at] + bytes(chance.randrange(255) for _ in range(40)) + file[at:]


def _long_comments(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return _with_segments(saved(picture, "JPEG"), *[_segment(0xFE, b"c" * 65_000)] * chance.randint(1, 20))


def _no_app0(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    file = saved(picture, "JPEG")
    return file[:2] + file[file.index(b"\xff\xdb") :]


def _junk_behind(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return saved(picture, chance.choice(("JPEG", "PNG", "WEBP"))) + chance.randbytes(chance.randint(1, 5000))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(
    picture: Image.Image, *, before: bytes = b"", behind: bytes = b"", bits: int = 8, piece: int = 1 << 30
) -> bytes:
    pixels = np.asarray(picture).astype(np.uint16 if bits == 16 else np.uint8)
    pixels = (pixels * 257).byteswap() if bits == 16 else pixels
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    data = b"".join(_chunk(b"IDAT", packed[at : at + piece]) for at in range(0, len(packed), piece))
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *picture.size, bits, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + data + behind + _chunk(b"IEND", b"")


COLOUR_CHUNKS = (
    _chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    _chunk(b"gAMA", struct.pack(">I", 45455)),
    _chunk(b"sBIT", b"\x08\x08\x08"),
    _chunk(b"sRGB", b"\0"),
    _chunk(b"cICP", b"\x01\x0d\0\x01"),
)
OTHER_CHUNKS = (
    _chunk(b"bKGD", struct.pack(">HHH", 255, 255, 255)),
    _chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
    _chunk(b"sPLT", b"palette\0\x08" + bytes(12)),
    _chunk(b"tIME", struct.pack(">HBBBBB", 2026, 2, 29, 23, 59, 60)),
    _chunk(b"tEXt", b"Title\0Disc"),
    _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"long " * 2000)),
    _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>"),
    _chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0\0\0\0\0"),
    _chunk(b"oFFs", bytes(9)),
    _chunk(b"sCAL", b"\x011\x002"),
    _chunk(b"mDCv", bytes(24)),
    _chunk(b"cLLi", bytes(8)),
    _chunk(b"vpAg", bytes(9)),
    _chunk(b"caBX", b"jumbf" * 100),
)


def _every_chunk(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    others = list(OTHER_CHUNKS)
    chance.shuffle(others)
    return _png(picture, before=b"".join([*COLOUR_CHUNKS, *others]))


def _late_chunks(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return _png(picture, behind=b"".join(OTHER_CHUNKS[3:8]))


def _broken_chunks(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    wrong = bytearray(chance.choice(OTHER_CHUNKS))
    wrong[-1] ^= 0x55  # its checksum
    return _png(picture, before=bytes(wrong))


def _tiny_idats(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return _png(picture, piece=chance.randint(1, 9))


def _split_idats(picture: Image.Image, chance: Random, folder: Path) -> bytes:
    return _png(picture, piece=8192, before=_chunk(b"IDAT", b""))


CUT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("WEBP", {"xmp": b"x" * 100}),
)


def _cut(kind: str, **options: Any) -> Maker:
    """A few bytes are missing: the mark of the end, a checksum, metadata."""

    def make(picture: Image.Image, chance: Random, folder: Path) -> bytes:
        return saved(picture, kind, **options)[: -chance.randint(1, 12 if kind != "JPEG" else 2)]

    return make
