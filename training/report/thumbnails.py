"""Thumbnails of photos as data: URLs, small enough for a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asksight.photos.preview import preview

SIDE = 192  # pixels on the longer side


def thumbnail(path: Path, look: NDArray[np.float32] | None = None) -> str | None:
    """A photo's thumbnail as a JPEG in a data: URL; None where the photo cannot be read.

    Where the model's look [h, w] is given, what it did not look at is dark.
    """
    try:
        photo = preview(path, (SIDE, SIDE), look)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    held = io.BytesIO()
    photo.save(held, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode("ascii")
