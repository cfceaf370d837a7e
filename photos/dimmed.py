"""A photo on which what a model looked at is bright and the rest dark, for people to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DARKEST = 0.3  # of the brightness where nothing was looked at


def dimmed(picture: Image.Image, look: NDArray[np.floating]) -> Image.Image:
    """Darken an upright RGB picture by how strongly each cell of a grid [h, w] over it was looked at, 0 or more."""
    bright = DARKEST + (1 - DARKEST) * look / (float(look.max()) or 1.0)
    mask = Image.fromarray((255 * bright).round().astype(np.uint8)).resize(picture.size)
    return Image.composite(picture, Image.new("RGB", picture.size), mask)
