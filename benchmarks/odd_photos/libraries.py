"""Encoders that are Python packages, each where it is installed (requirements.txt)."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

Maker = Callable[[Image.Image, Random, Path], bytes]


def makers() -> dict[str, tuple[Maker, ...]]:
    """Some functions a package, of those that can be imported."""
    found = {}
    for name, (module, made_by) in PACKAGES.items():
        try:
            found[name] = made_by(import_module(module))
        except ImportError:
            continue
    return found


def _opencv(cv2: Any) -> tuple[Maker, ...]:
    ways: list[tuple[str, list[int]]] = [
        (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 88]),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".jpg", [cv2.IMWRITE_JPEG_RST_INTERVAL, 4, cv2.IMWRITE_JPEG_OPTIMIZE, 1]),
        (".jpg", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411]),
        (".png", [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]),
        (".png", []),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 60]),
    ]

    def maker(end: str, options: list[int]) -> Maker:
        def make(picture: Image.Image, chance: Random, folder: Path) -> bytes:
            pixels = np.asarray(picture)[..., ::-1]
            if end == ".png" and not options:
                pixels = pixels.astype(np.uint16) * 257
            return bytes(cv2.imencode(end, np.ascontiguousarray(pixels), options)[1])

        return make

    return tuple(maker(*way) for way in ways)


def _imagecodecs(codecs: Any) -> tuple[Maker, ...]:
    return (
        lambda picture, *_: bytes(codecs.jpeg8_encode(np.asarray(picture), level=90, subsampling="420")),
        lambda picture, *_: bytes(
            codecs.jpeg8_encode(np.asarray(picture), level=90, optimize=True, smoothing=True)
        ),
        lambda picture, *_: bytes(codecs.png_encode(np.asarray(picture).astype(np.uint16) * 257)),
        lambda picture, *_: bytes(codecs.png_encode(np.asarray(picture), level=1, strategy=2)),
        lambda picture, *_: bytes(codecs.webp_encode(np.asarray(picture), lossless=True)),
        lambda picture, *_: bytes(codecs.webp_encode(np.asarray(picture), level=50)),
        lambda picture, *_: bytes(codecs.apng_encode(np.stack([np.asarray(picture)] * 2))),
        lambda picture, *_: bytes(codecs.ultrahdr_encode(_hdr(picture))),
        lambda picture, *_: bytes(codecs.spng_encode(np.asarray(picture))),
        lambda picture, *_: bytes(
            codecs.jpeg8_encode(_cmyk(picture), colorspace="CMYK", outcolorspace="YCCK")
        ),
        lambda picture, *_: bytes(codecs.jpeg8_encode(_deep(picture, 12), bitspersample=12)),
        lambda picture, *_: bytes(codecs.jpeg8_encode(np.asarray(picture), lossless=True, predictor=1)),
    )


def _cmyk(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return 255 - np.asarray(picture.convert("CMYK"))  # inverted, as Photoshop writes them


def _deep(picture: Image.Image, bits: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return (np.asarray(picture).astype(int) << (bits - 8)).astype(np.uint16)


def _hdr(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.float16]]:
    linear = (np.asarray(picture.convert("RGBA"), np.float32) / 255) ** 2.2
    even = linear[: linear.shape[0] // 2 * 2, : linear.shape[1] // 2 * 2]
    return np.ascontiguousarray(even.astype(np.float16))


def _mozjpeg(package: Any) -> tuple[Maker, ...]:
    return (
        lambda picture, *_: bytes(package.optimize(_saved(picture, "JPEG"))),
        lambda picture, *_: bytes(package.optimize(_saved(picture, "JPEG", quality=95, subsampling=0))),
    )


def _oxipng(package: Any) -> tuple[Maker, ...]:
    return (
        lambda picture, *_: bytes(package.optimize_from_memory(_saved(picture, "PNG"), level=2)),
        lambda picture, *_: bytes(
            package.optimize_from_memory(_saved(picture, "PNG"), level=1, interlace=package.Interlacing.Adam7)
        ),
    )


def _simplejpeg(package: Any) -> tuple[Maker, ...]:
    def maker(sampling: str) -> Maker:
        return lambda picture, *_: bytes(
            package.encode_jpeg(np.ascontiguousarray(picture), colorsubsampling=sampling)
        )

    return tuple(maker(sampling) for sampling in ("444", "422", "420", "440", "411"))


def _imageio(package: Any) -> tuple[Maker, ...]:
    def maker(end: str, **options: Any) -> Maker:
        return lambda picture, *_: bytes(
            package.imwrite("<bytes>", np.asarray(picture), extension=end, **options)
        )

    return maker(".jpg"), maker(".png"), maker(".webp"), maker(".png", bits=4)


def _pypng(package: Any) -> tuple[Maker, ...]:
    def maker(**options: Any) -> Maker:
        def make(picture: Image.Image, chance: Random, folder: Path) -> bytes:
            out = io.BytesIO()
            pixels = np.asarray(picture).reshape(picture.height, -1)
            package.Writer(picture.width, picture.height, greyscale=False, **options).write(
                out, pixels.tolist()
            )
            return out.getvalue()

        return make

    return (
        maker(),
        maker(interlace=True),
        maker(gamma=0.45455, background=(255, 255, 255)),
        maker(transparent=(255, 255, 255)),
        maker(chunk_limit=100, compression=0),
    )


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


PACKAGES: dict[str, tuple[str, Callable[[Any], tuple[Maker, ...]]]] = {
    "OpenCV": ("cv2", _opencv),
    "imagecodecs": ("imagecodecs", _imagecodecs),
    "MozJPEG": ("mozjpeg_lossless_optimization", _mozjpeg),
    "Oxipng": ("oxipng", _oxipng),
    "simplejpeg": ("simplejpeg", _simplejpeg),
    "imageio": ("imageio.v3", _imageio),
    "pypng": ("png", _pypng),
}
