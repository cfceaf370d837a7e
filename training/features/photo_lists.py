"""Which photos to look at: those that a data set asks about, or all in a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets import open_dataset
from ..datasets.splits import split_names
from ..errors import FeatureError

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
FOLDER_SPLIT = "photos"  # what the split is called where there is no data set


@dataclass(frozen=True, kw_only=True)
class PhotoList:
    """The photos of one split; path i belongs to image id i, ids rising."""

    split: str
    image_ids: NDArray[np.int64]  # [P]
    paths: list[Path] | None  # None where the data set knows no photos


def photos_of_dataset(data: Path, splits: list[str] | None = None) -> list[PhotoList]:
    """Each photo once, of all splits of a data set or of those named. Raises DatasetError."""
    found = []
    for split in splits or split_names(data):
        dataset = open_dataset(data, split)
        ids = np.unique(np.array(dataset.image_ids, np.int64))
        known = dataset.photos is not None
        paths = [dataset.photo(image_id) for image_id in ids.tolist()] if known else None
        found.append(PhotoList(split=split, image_ids=ids, paths=paths))
    return found


def photos_of_folder(folder: Path) -> PhotoList:
    """Every photo in a folder; the last number in a name is its image id, as in COCO_val2014_000000000042.jpg.

    Raises FeatureError where a name has no number, or two have the same.
    """
    by_id: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _ENDINGS:
            continue
        numbers = re.findall(r"\d+", path.stem)
        if not numbers:
            raise FeatureError(f"{path.name} has no number in its name, so it has no image id; rename it.")
        image_id = int(numbers[-1])
        if image_id in by_id:
            raise FeatureError(f"{by_id[image_id].name} and {path.name} are both image id {image_id}.")
        by_id[image_id] = path
    if not by_id:
        raise FeatureError(f"There are no photos in {folder}: none of {', '.join(sorted(_ENDINGS))}.")
    ids = np.array(sorted(by_id), np.int64)
    return PhotoList(split=FOLDER_SPLIT, image_ids=ids, paths=[by_id[i] for i in ids.tolist()])
