"""What filling a store comes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Made:
    """How many photos each split holds now, and how many of them this call did."""

    photos: dict[str, int]
    new: int
    feature_shape: tuple[int, ...]
