"""Which photos are taken, each number with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoLimits:
    """The bounds of one photo's file and of the picture in it."""

    max_bytes: int = 16 * 2**20 - 64 * 1024  # a message of 16 MiB has room for the question beside it
    min_side_px: int = 16  # less holds no object
    max_side_px: int = (
        65_535  # JPEG's own; pixels and memory are what costs, and panoramas and screenshots are long
    )
    max_pixels: int = 50_000_000  # the 50 megapixel phones: 8160x6120
    max_pixels_unshrunk: int = (
        16_000_000  # PNG, WebP, progressive JPEG: 12 megapixels take up to 0.4 s, 48 four times that
    )
