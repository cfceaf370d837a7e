"""The result of filling a feature store: how many photos it holds, and how many are new."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FilledStore:
    """How many photos each split holds now, and how many of them this call did."""

    photos: dict[str, int]
    new: int
    feature_shape: tuple[int, ...]
