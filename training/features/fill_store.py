"""From photos, or from published features, to a store: what `asksight features` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.bad_entries import BadEntries
from ..errors import DatasetError, FeatureError
from .encoders import SIDE, EncoderChoice, build_encoder, weights_sha256
from .extract import Read, extract
from .filled import FilledStore
from .photo_lists import PhotoList
from .store import StoreAbout, StoreWriter, begin, filling

PREPROCESSING = {"resize": "stretch", "resample": "bilinear", "color_order": "rgb"}  # as the tutorial resizes
_SAMPLES = 8  # photos that are kept to check the exported encoder with


def make_features(
    out: Path,
    choice: EncoderChoice,
    photos: Sequence[PhotoList],
    *,
    read: Read,
    dtype: str = "float16",
    batch: int = 8,
    problems: BadEntries | None = None,
    begun: Callable[[int, int], None] = lambda total, missing: None,
    progress: Callable[[int], None] = lambda done: None,
) -> FilledStore:
    """Fill the store `out`; what it has already is not made again. `read` gives photos [224,224,3].

    `problems` say whether photos that cannot be read are left out for good. Raises FeatureError where the store was
    made otherwise, or photos have no files; and DatasetError for photos that cannot be read, when all others are done.
    A batch of 8 keeps VGG16 under 2 GB on a CPU.
    """
    problems = problems or BadEntries()
    for one in photos:
        if one.paths is None:
            raise FeatureError(
                f"The split {one.split} has no photos; name their folder with --photos when preparing it."
            )
    with filling(out):
        encoder = build_encoder(choice)
        shape = tuple(encoder.output_shape[1:])
        about = StoreAbout(
            encoder=asdict(choice) | {"weights_sha256": weights_sha256(encoder)},
            preprocessing=PREPROCESSING,
            side=SIDE,
            feature_shape=shape,
            dtype=dtype,
        )
        begin(out, about)
        _keep_encoder(out, encoder)
        encode = _compiled(encoder)
        _keep_samples(out, photos, read, encode)
        writers = [StoreWriter(out / one.split, one.image_ids, about) for one in photos]
        missing = sum(len(writer.missing) for writer in writers)
        begun(sum(len(one.image_ids) for one in photos), missing)
        for one, writer in zip(photos, writers, strict=True):
            extract(
                writer,
                one.paths or [],
                read=read,
                encode=encode,
                batch=batch,
                problems=problems,
                progress=progress,
            )
            writer.close()
    problems.check()
    return FilledStore(
        photos={one.split: len(one.image_ids) for one in photos}, new=missing, feature_shape=shape
    )


def _compiled(encoder: Any) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    import tensorflow as tf

    run = tf.function(
        lambda images: encoder(tf.cast(images, tf.float32), training=False),
        input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8)],
    )
    return lambda images: run(images).numpy()


def _keep_encoder(out: Path, encoder: Any) -> None:
    """encoder.onnx, so that a bundle gets the very encoder that made the features."""
    from ..exporting.keras_onnx import save_onnx

    if not (out / "encoder.onnx").exists():
        unfinished = out / "encoder.onnx.part"
        save_onnx(encoder, unfinished, output_names=["features"], uint8_inputs=["image"])
        unfinished.replace(out / "encoder.onnx")


def _keep_samples(
    out: Path,
    photos: Sequence[PhotoList],
    read: Read,
    encode: Callable[[NDArray[np.uint8]], NDArray[Any]],
) -> None:
    """Some photos as the encoder takes them, and what Keras makes of them, for export to compare with."""
    if (out / "samples.npz").exists():
        return
    images = np.stack(_first_readable([path for one in photos for path in one.paths or []], read))
    unfinished = out / "samples.part.npz"
    np.savez(unfinished, images=images, features=encode(images).astype(np.float32))
    unfinished.replace(out / "samples.npz")


def _first_readable(paths: Sequence[Path], read: Read) -> list[NDArray[np.uint8]]:
    found: list[NDArray[np.uint8]] = []
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
