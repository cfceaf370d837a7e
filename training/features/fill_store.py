"""From photos to a store: what `asksight features` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import FeatureError
from .extract import extract
from .filled import FilledStore
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
    begun: Callable[[int, int], None] = lambda total, missing: None,
    progress: Callable[[int], None] = lambda done: None,
) -> FilledStore:
    """Fill the store `out`; what it has already is not made again.

    Raises FeatureError where the store was made otherwise, or photos have no files; and DatasetError, naming
    the file, for a photo that cannot be read. A batch of 8 keeps VGG16 under 2 GB on a CPU.
    """
    for one in photos:
        if one.paths is None:
            raise FeatureError(
                f"The split {one.split} has no photos; name their folder with --photos when preparing it."
            )
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
        _keep_samples(out, photos, encoder)
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
                progress=progress,
            )
            writer.close()
    return FilledStore(
        photos={one.split: len(one.image_ids) for one in photos},
        new=missing,
        feature_shape=encoder.feature_shape,
    )


def _keep_samples(out: Path, photos: Sequence[PhotoList], encoder: PhotoEncoder) -> None:
    """Some photos as the encoder takes them, and what it makes of them, for export to compare with."""
    if (out / "samples.npz").exists():
        return
    paths = [path for one in photos for path in (one.paths or [])[:_SAMPLES]][:_SAMPLES]
    images = np.stack([encoder.read(path) for path in paths])
    unfinished = out / "samples.part.npz"
    np.savez(unfinished, images=images, features=encoder.exact(images).astype(np.float32))
    unfinished.replace(out / "samples.npz")
