"""From photos, or from published features, to a store: what `asksight features` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError
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
    begun: Callable[[int, int], None] = lambda total, missing: None,
    progress: Callable[[int], None] = lambda done: None,
) -> FilledStore:
    """Fill the store `out`; what it has already is not made again. `read` gives photos [224,224,3].

    Raises FeatureError where the store was made otherwise, or photos have no files; and DatasetError, naming
    the file, for a photo that cannot be read. A batch of 8 keeps VGG16 under 2 GB on a CPU.
    """
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
            extract(writer, one.paths or [], read=read, encode=encode, batch=batch, progress=progress)
            writer.close()
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
    paths = [path for one in photos for path in (one.paths or [])[:_SAMPLES]][:_SAMPLES]
    images = np.stack([read(path) for path in paths])
    unfinished = out / "samples.part.npz"
    np.savez(unfinished, images=images, features=encode(images).astype(np.float32))
    unfinished.replace(out / "samples.npz")
