"""How large a data set's photos are, by their headers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asksight.photos.header import NotAPhoto, read_header


def smallest_side(photos: Iterable[Path]) -> int | None:
    """The shorter side of the smallest, px. None of no photos, and where one is not there to be read any more.

    Photos that are known by stored features may have gone; of what they leave, nothing can be told.
    """
    try:
        return min((short_side(photo) for photo in photos), default=None)
    except (OSError, NotAPhoto):
        return None


def short_side(photo: Path) -> int:
    """Pixels. Raises OSError and NotAPhoto."""
    return read_header(photo.read_bytes()).short_side
