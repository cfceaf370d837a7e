"""Why a photo is not taken: one line for whoever sent it, with what was seen, what is allowed and what to do."""

from __future__ import annotations


class PhotoError(Exception):
    """The photo is of another kind, broken, or of a size that is not taken."""


class PhotoSizeError(PhotoError):
    """The file is larger than what is taken."""
