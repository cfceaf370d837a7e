"""Open one split of a data set, prepared or as it was published."""

from __future__ import annotations

from pathlib import Path

from ..errors import DatasetError
from .bad_entries import BadEntries
from .dataset import Dataset
from .prepared import MANIFEST, read_prepared
from .records import read_records
from .source import find_sources


def open_dataset(path: str | Path, split: str, problems: BadEntries | None = None) -> Dataset:
    """Read one split of a prepared folder, of VQA (ours or the real one), of VizWiz or of easy-VQA.

    Raises DatasetError naming the splits there are, or the file and the first entries that are bad; the latter are left
    out instead, and counted, where `problems` are given.
    """
    folder = Path(path)
    if (folder / MANIFEST).exists():
        return read_prepared(folder, split)
    sources = {source.split: source for source in find_sources(folder)}
    if split not in sources:
        raise DatasetError(f"{folder} has no split {split!r}; it has {', '.join(sources)}.")
    source = sources[split]
    dataset = Dataset(name=source.name, split=split, photos=source.photos, photo_pattern=source.photo_pattern)
    return dataset.extend(read_records(source, problems))
