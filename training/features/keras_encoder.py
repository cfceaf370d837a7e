"""An encoder of keras.applications, as a store is filled with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoders import SIDE, EncoderChoice, build_encoder, weights_sha256
from .extract import Read
from .photo_encoder import GRAPH, PhotoEncoder

PREPROCESSING = {"resize": "stretch", "resample": "bilinear", "color_order": "rgb"}  # as the tutorial resizes


def keras_encoder(choice: EncoderChoice, read: Read) -> PhotoEncoder:
    """`read` gives photos [224,224,3]. Raises FeatureError as `build_encoder` does."""
    encoder = build_encoder(choice)
    encode = _compiled(encoder)
    return PhotoEncoder(
        told=asdict(choice) | {"weights_sha256": weights_sha256(encoder)},
        preprocessing=PREPROCESSING,
        feature_shape=tuple(encoder.output_shape[1:]),
        read=read,
        encode=encode,
        exact=encode,
        save=lambda folder: _save(folder, encoder),
    )


def _compiled(encoder: Any) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    import tensorflow as tf

    run = tf.function(
        lambda images: encoder(tf.cast(images, tf.float32), training=False),
        input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8)],
    )
    return lambda images: run(images).numpy()


def _save(folder: Path, encoder: Any) -> None:
    """So that a bundle gets the very encoder that made the features."""
    from ..exporting.keras_onnx import save_onnx

    unfinished = folder / f"{GRAPH}.part"
    save_onnx(encoder, unfinished, output_names=["features"], uint8_inputs=["image"])
    unfinished.replace(folder / GRAPH)
