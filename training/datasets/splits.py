"""Which splits a data set has, and which of them to learn from and to measure on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .prepared import MANIFEST, read_manifest
from .source import find_sources


@dataclass(frozen=True, kw_only=True)
class Splits:
    """`val` is None where some photos of `train` have to be held out instead."""

    train: str
    val: str | None


def split_names(data: Path) -> list[str]:
    """The splits of a data set, prepared or as it was published. Raises DatasetError where there is none."""
    if (data / MANIFEST).exists():
        return list(read_manifest(data)["splits"])
    return [source.split for source in find_sources(data)]


def choose_splits(data: Path, *, train: str | None = None, val: str | None = None) -> Splits:
    """Those named, or the first that begins with "train", as in train2014, and with "val".

    Raises DatasetError where there is no such split.
    """
    names = split_names(data)
    for wanted in (train, val):
        if wanted is not None and wanted not in names:
            raise DatasetError(f"{data} has no split {wanted!r}; it has {', '.join(names)}.")
    learning = train or next((name for name in names if name.startswith("train")), None)
    if learning is None:
        raise DatasetError(
            f"{data} has no split to train on; it has {', '.join(names)}. Name one with --split."
        )
    return Splits(train=learning, val=val or next((n for n in names if n.startswith("val")), None))
