"""Grey and smaller copies of a picture, in NumPy: slow, readable, and the specification of the compiled ones.

The coach's thresholds were fitted on copies that Pillow made, by `reduce`, `convert("L")` and `resize` with a box.
These are the same to the last bit, but for one thing: Pillow 13 shrinks some tall pictures by columns first and then by
rows, which rounds otherwise. Here it is always rows first, as it was in Pillow 12.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .checks import check_pixels, check_shrinking

Pixels = NDArray[np.uint8]


def shrink_to_grey(pixels: Pixels, factor: int) -> Pixels:
    """Average boxes of `factor` x `factor` pixels (1 to 256) of [H, W, 3 or 4], in C order, and make them grey [h, w].

    Boxes at the right and at the bottom may be smaller; a fourth channel counts for nothing. Raises TypeError or
    ValueError where these do not fit.
    """
    check_pixels(pixels, 3)
    check_shrinking(pixels.shape[2] in (3, 4) and 1 <= factor <= 256, pixels.shape, factor)
    red, green, blue = np.moveaxis(_reduced(pixels, factor), 2, 0)[:3]
    luma = 19595 * red + 38470 * green + 7471 * blue  # ITU-R BT.601, in parts of 65,536
    grey: Pixels = ((luma + 0x8000) >> 16).astype(np.uint8)
    return grey


def shrink_grey(grey: Pixels, height: int, width: int) -> Pixels:
    """Average a grey picture [H, W], in C order, to [height, width], neither longer nor shorter than a 128th.

    Each pixel is the average of those whose middle it covers, rounded along rows first, then along columns. Raises
    TypeError or ValueError where these do not fit.
    """
    check_pixels(grey, 2)
    fits = all(new <= old <= 128 * new for old, new in zip(grey.shape, (height, width), strict=True))
    check_shrinking(fits, grey.shape, (height, width))
    narrow = (grey @ _weights(grey.shape[1], width).T + (1 << 21)) >> 22
    return ((_weights(grey.shape[0], height) @ narrow + (1 << 21)) >> 22).astype(np.uint8)


def _reduced(pixels: Pixels, factor: int) -> NDArray[np.int64]:
    rows, columns = (np.arange(0, side, factor) for side in pixels.shape[:2])
    boxes = np.add.reduceat(np.add.reduceat(pixels.astype(np.int64), rows, axis=0), columns, axis=1)
    tall, wide = (
        np.minimum(factor, side - at) for side, at in zip(pixels.shape, (rows, columns), strict=False)
    )
    count = (tall[:, None] * wide)[:, :, None]
    inverse = (np.float32(2**32) / (256 * count).astype(np.float32)).astype(
        np.int64
    )  # rounded as Pillow does
    return (boxes + count // 2) * inverse >> 24 if factor > 1 else pixels.astype(np.int64)


def _weights(side: int, places: int) -> NDArray[np.int64]:
    """How much each pixel of an axis counts for each place of a shorter one, [places, side] in parts of 2^22."""
    scale = side / places
    centres = (np.arange(places)[:, None] + 0.5) * scale
    pixels = np.arange(side)
    away = (pixels - centres + 0.5) * (1.0 / scale)
    first, end = ((centres + half * scale + 0.5).astype(int) for half in (-0.5, 0.5))
    covered = (away > -0.5) & (away <= 0.5) & (pixels >= first) & (pixels < end)  # Pillow's ties need both
    weights = (0.5 + 1.0 / covered.sum(axis=1, keepdims=True) * 2**22).astype(np.int64)
    return np.where(covered, weights, 0)
