"""Karpathy's published VGG16 features, with the tutorial's map of image ids, as a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import FeatureError
from .filled import FilledStore
from .matlab import open_features, read_id_map
from .photo_lists import PhotoList
from .store import StoreAbout, StoreWriter, begin, filling

_PREPROCESSING = {"resize": "stretch", "resample": "bilinear", "color_order": "rgb"}
_CHUNK = 256  # photos in memory at a time


def store_published(
    out: Path,
    mat: Path,
    id_map: Path,
    photos: Sequence[PhotoList],
    *,
    dtype: str = "float16",
    begun: Callable[[int, int], None] = lambda total, missing: None,
    progress: Callable[[int], None] = lambda done: None,
) -> FilledStore:
    """Fill the store `out` from `vgg_feats.mat`; with no `photos`, with all that `id_map` names.

    The file is read once, in its own order; no TensorFlow is needed. Raises FeatureError where files are not what
    they should be, or know nothing of a photo that is wanted.
    """
    ids, columns = read_id_map(id_map)
    matrix = open_features(mat, chunk=_CHUNK)
    if len(columns) and not 0 <= columns.min() <= columns.max() < matrix.count:
        raise FeatureError(
            f"{id_map} names columns {columns.min()} to {columns.max()}; {mat} has {matrix.count}."
        )
    order = np.argsort(ids)
    ids, columns = ids[order], columns[order]
    photos = photos or [PhotoList(split="photos", image_ids=ids, paths=None)]
    with filling(out):
        about = StoreAbout(
            encoder={"name": "vgg16", "grid": False, "source": mat.name, "weights_sha256": None},
            preprocessing=_PREPROCESSING,
            feature_shape=(matrix.size,),
            dtype=dtype,
        )
        begin(out, about)
        writers, wanted = [], []
        for one in photos:
            places = np.minimum(np.searchsorted(ids, one.image_ids), max(len(ids) - 1, 0))
            unknown = one.image_ids[ids[places] != one.image_ids] if len(ids) else one.image_ids
            if len(unknown):
                raise FeatureError(f"{id_map} does not name image id {unknown[0]}, of the split {one.split}.")
            writers.append(StoreWriter(out / one.split, one.image_ids, about))
            of_column = columns[places]
            missing = writers[-1].missing
            by_column = np.argsort(of_column[missing], kind="stable")
            wanted.append((of_column[missing][by_column], missing[by_column]))
        left = sum(len(rows) for _, rows in wanted)
        begun(sum(len(one.image_ids) for one in photos), left)
        if left:
            start = 0
            for chunk in matrix.chunks:
                for writer, (of_column, rows) in zip(writers, wanted, strict=True):
                    low, high = np.searchsorted(of_column, [start, start + len(chunk)])
                    if high > low:
                        writer.write(rows[low:high], chunk[of_column[low:high] - start])
                        progress(int(high - low))
                start += len(chunk)
        for writer in writers:
            writer.close()
    return FilledStore(
        photos={one.split: len(one.image_ids) for one in photos}, new=left, feature_shape=(matrix.size,)
    )
