"""From photos to a store: what `asksight features` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.bad_entries import BadEntries
from ..errors import DatasetError, FeatureError
from .extract import Read, extract
from .filled import FilledStore
from .parts import Part, begin_part
from .photo_encoder import GRAPH, PhotoEncoder
from .photo_lists import PhotoList
from .store import StoreAbout, StoreWriter, begin, filling

_SAMPLES = 8  # photos that are kept to check the exported encoder with


def make_features(
    out: Path,
    encoder: PhotoEncoder,
    photos: Sequence[PhotoList],
    *,
    dtype: str = "float16",
    batch: int = 8,
    problems: BadEntries | None = None,
    part: Part | None = None,
    begun: Callable[[int, int], None] = lambda total, missing: None,
    progress: Callable[[int], None] = lambda done: None,
) -> FilledStore:
    """Fill the store `out`; what it has already is not made again.

    `problems` say whether photos that cannot be read are left out for good. Raises FeatureError where the store was
    made otherwise, or photos have no files; and DatasetError for photos that cannot be read, when all others are done.
    A batch of 8 keeps VGG16 under 2 GB on a CPU. With `part`, only that part of the photos is looked at, and kept
    beside the other parts until they are joined.
    """
    problems = problems or BadEntries()
    for one in photos:
        if one.paths is None:
            raise FeatureError(
                f"The split {one.split} has no photos; name their folder with --photos when preparing it."
            )
    every = photos
    if part is not None:
        out = begin_part(out, part, photos, batch=batch)
        photos = [part.cut(one, batch=batch) for one in photos]
    with filling(out):
        about = StoreAbout(
            encoder=dict(encoder.told),
            preprocessing=dict(encoder.preprocessing),
            feature_shape=encoder.feature_shape,
            dtype=dtype,
        )
        begin(out, about)
        if not (out / GRAPH).exists():
            encoder.save(out)
        _keep_samples(out, every, encoder)
        writers = [StoreWriter(out / one.split, one.image_ids, about) for one in photos]
        missing = sum(len(writer.missing) for writer in writers)
        begun(sum(len(one.image_ids) for one in photos), missing)
        for one, writer in zip(photos, writers, strict=True):
            extract(
                writer,
                one.paths or [],
                read=encoder.read,
                encode=encoder.encode,
                batch=batch,
                problems=problems,
                progress=progress,
            )
            writer.close()
    problems.check()
    return FilledStore(
        photos={one.split: len(one.image_ids) for one in photos},
        new=missing,
        feature_shape=encoder.feature_shape,
    )


def _keep_samples(out: Path, photos: Sequence[PhotoList], encoder: PhotoEncoder) -> None:
    """Some photos as the encoder takes them, and what it makes of them, for export to compare with."""
    if (out / "samples.npz").exists():
        return
    images = np.stack(_first_readable([path for one in photos for path in one.paths or []], encoder.read))
    unfinished = out / "samples.part.npz"
    np.savez(unfinished, images=images, features=encoder.exact(images).astype(np.float32))
    unfinished.replace(out / "samples.npz")


def _first_readable(paths: Sequence[Path], read: Read) -> list[NDArray[Any]]:
    found: list[NDArray[Any]] = []
    said = ""
    for path in paths:
        try:
            found.append(read(path))
        except DatasetError as error:
            said = said or str(error)
        if len(found) == _SAMPLES:
            break
    if not found:
        raise DatasetError(f"None of {len(paths)} photos can be read. {said}")
    return found
