"""Pretrained photo encoders, each with its preprocessing inside: RGB pixels of 0 to 255 in, features out.

So the graph that is trained on is, exported, the graph that serves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import applications, layers

from ..errors import FeatureError
from ..exporting.onnx_layers.registry import array_of
from .vgg16 import vgg16

SIDE = 224  # px, what all of these were trained on


@dataclass(frozen=True, kw_only=True)
class EncoderChoice:
    """Which encoder, with which weights, giving what."""

    name: str = "vgg16"
    weights: str = "imagenet"  # or "random", or a file in the form of keras.applications
    grid: bool = False  # [7,7,C] instead of [F]
    seed: int = 0  # of random weights


def _resnet50v2(**options: Any) -> keras.Model:
    image = options.pop("input_tensor")
    scaled = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    return applications.ResNet50V2(input_tensor=scaled, **options)


# Each of these rescales by itself, but ResNet50V2.
_POOLED: dict[str, Callable[..., keras.Model]] = {
    "resnet50v2": _resnet50v2,
    "mobilenetv3-large": applications.MobileNetV3Large,
    "mobilenetv3-small": applications.MobileNetV3Small,
    "efficientnetv2-b0": applications.EfficientNetV2B0,
}
ENCODERS = ("vgg16", *_POOLED)


def build_encoder(choice: EncoderChoice) -> keras.Model:
    """`image` [N,224,224,3] float32, 0 to 255 → `features` [N,F], or a grid [N,7,7,C].

    Raises FeatureError for an unknown name, for weights that cannot be had, and for a file of another model.
    """
    if choice.name not in ENCODERS:
        raise FeatureError(
            f"There is no encoder {choice.name!r}; there are: {', '.join(ENCODERS)}. Or give the folder of a bundle."
        )
    if choice.weights not in ("imagenet", "random") and not Path(choice.weights).is_file():
        raise FeatureError(
            f'The weights {choice.weights} are no file; give a weights file, "imagenet" or "random".'
        )
    keras.utils.set_random_seed(choice.seed)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    try:
        if choice.name == "vgg16":
            output = vgg16(image, weights=choice.weights, grid=choice.grid, seed=choice.seed)
        else:
            output = _pooled(image, choice)
    except FeatureError:
        raise
    except (
        Exception
    ) as error:  # Keras raises a bare Exception when a download fails, and many kinds for a file
        raise FeatureError(_no_weights(choice, error)) from error
    model = keras.Model(image, layers.Identity(name="features")(output), name=choice.name.replace("-", "_"))
    model.trainable = False
    return model


def _pooled(image: keras.KerasTensor, choice: EncoderChoice) -> keras.KerasTensor:
    weights = None if choice.weights == "random" else choice.weights
    pooling = None if choice.grid else "avg"
    base = _POOLED[choice.name](include_top=False, weights=weights, input_tensor=image, pooling=pooling)
    return base.output


def weights_sha256(model: keras.Model) -> str:
    """One hash of all weights, in order, with their shapes."""
    digest = hashlib.sha256()
    for variable in model.weights:
        digest.update(f"{tuple(variable.shape)}".encode())
        digest.update(np.ascontiguousarray(array_of(variable)).data)
    return digest.hexdigest()


def _no_weights(choice: EncoderChoice, error: Exception) -> str:
    first = str(error).strip().split("\n")[0]
    if choice.weights == "imagenet":
        return (
            f"The ImageNet weights of {choice.name} could not be had ({first}). Without a network, fetch the file "
            "elsewhere and name it with --weights FILE."
        )
    wanted = "without its top (notop)" if choice.grid or choice.name != "vgg16" else "with its top"
    return (
        f"{choice.weights} does not hold the weights of {choice.name} ({first}). "
        f"What is wanted is the file of keras.applications {wanted}."
    )
