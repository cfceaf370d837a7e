"""Thumbnails of photos as data: URLs, small enough for a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

SIDE = 192  # pixels on the longer side


def thumbnail(path: Path) -> str | None:
    """A photo's thumbnail as a JPEG in a data: URL; None where the photo cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (SIDE, SIDE))
            photo = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    photo.thumbnail((SIDE, SIDE))
    held = io.BytesIO()
    photo.save(held, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode("ascii")
