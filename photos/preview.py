"""A photo made small for people to look at; where a model looked is known, the rest of it is dark."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

DARKEST = 0.3  # of the brightness where nothing was looked at


def preview(
    file: Path | IO[bytes], size: tuple[int, int], look: NDArray[np.floating] | None = None
) -> Image.Image:
    """Open a photo upright and in RGB, at most `size` (width, height) large. Raises what Pillow raises.

    `look` [h, w] says how strongly each cell of a grid over it was looked at, 0 or more.
    """
    with Image.open(file) as opened:
        opened.draft("RGB", size)
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    photo.thumbnail(size)
    return photo if look is None else _dimmed(photo, look)


def _dimmed(photo: Image.Image, look: NDArray[np.floating]) -> Image.Image:
    bright = DARKEST + (1 - DARKEST) * look / (float(look.max()) or 1.0)
    mask = Image.fromarray((255 * bright).round().astype(np.uint8)).resize(photo.size)
    return Image.composite(photo, Image.new("RGB", photo.size), mask)
