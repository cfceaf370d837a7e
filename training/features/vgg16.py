"""VGG16 up to fc7, as the tutorial uses it, filled without a second copy of its weights in memory.

keras.applications fills fc1 (411 MB) through several copies of it and peaks at 2.4 GB; this stays near 1.5 GB.
Simonyan and Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import applications, layers

from ..errors import FeatureError

_MEAN = (123.68, 116.779, 103.939)  # of ImageNet's red, green and blue; the tutorial subtracts it, too
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
_FILES = {  # with what is left out: the file and its MD5
    False: ("vgg16_weights_tf_dim_ordering_tf_kernels.h5", "64373286793e3c8b2b4e3219cbf3544b"),
    True: ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
}
_SLICE = 2048  # rows of a kernel that are copied at a time


def vgg16(image: keras.KerasTensor, *, weights: str, grid: bool, seed: int) -> keras.KerasTensor:
    """fc7 (what Keras calls fc2) [N,4096], or the last map [N,7,7,512], of RGB pixels from 0 to 255."""
    centred = layers.Rescaling(1.0, offset=[-mean for mean in _MEAN])(image)
    body = applications.VGG16(include_top=False, weights=None, input_tensor=centred)
    output = body.output
    filled = [layer for layer in body.layers if isinstance(layer, layers.Conv2D)]
    if not grid:
        x = layers.Flatten(name="flatten")(output)
        for name in ("fc1", "fc2"):
            filled.append(layers.Dense(4096, "relu", kernel_initializer="zeros", name=name))
            x = filled[-1](x)
        output = x
    if weights == "random":
        _fill_at_random(filled[13:], seed)
    else:
        _fill(filled, _downloaded(grid) if weights == "imagenet" else Path(weights))
    # It was trained on blue, green, red. Its first kernel is turned round, once, instead of every photo.
    filled[0].kernel.assign(np.asarray(filled[0].kernel)[:, :, ::-1])
    return output


def _downloaded(grid: bool) -> Path:
    file, md5 = _FILES[grid]
    return Path(keras.utils.get_file(file, _URL + file, cache_subdir="models", file_hash=md5))


def _fill(filled: list[Any], path: Path) -> None:
    """The kernels and biases of `path` in order; those of layers behind are left in the file."""
    with h5py.File(path) as file:
        kernels = _kernels(file)
        shapes = [tuple(layer.kernel.shape) for layer in filled]
        if [kernel.shape for kernel, _ in kernels[: len(filled)]] != shapes:
            found = [kernel.shape for kernel, _ in kernels]
            raise FeatureError(f"{path} holds kernels of shapes {found}; VGG16 wants {shapes}.")
        for layer, (kernel, bias) in zip(filled, kernels, strict=False):
            for start in range(0, len(kernel), _SLICE):
                layer.kernel.value[start : start + _SLICE].assign(kernel[start : start + _SLICE])
            layer.bias.assign(bias[:])


def _kernels(file: h5py.File) -> list[tuple[h5py.Dataset, h5py.Dataset]]:
    """Kernels with their biases, convolutions first, in order; of Keras' older and newer files alike."""
    found: dict[str, list[h5py.Dataset]] = {}

    def visit(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            found.setdefault(name.rpartition("/")[0], []).append(entry)

    file.visititems(visit)
    pairs = [sorted(pair, key=lambda entry: -entry.ndim) for pair in found.values() if len(pair) == 2]
    pairs.sort(key=lambda pair: (-pair[0].ndim, _in_numbers(pair[0].name)))
    return [(kernel, bias) for kernel, bias in pairs]


def _in_numbers(name: str) -> list[tuple[int, str]]:
    """So that conv2d < conv2d_2 < conv2d_10, and fc1 < fc2 < predictions."""
    return [(int(part or 0), "") if i % 2 else (0, part) for i, part in enumerate(re.split(r"(\d+)", name))]


def _fill_at_random(dense: list[Any], seed: int) -> None:
    """He et al. 2015 (normal), the same on every device."""
    random = np.random.default_rng(seed)
    for layer in dense:
        rows, units = layer.kernel.shape
        for start in range(0, rows, _SLICE):
            part = random.standard_normal((min(_SLICE, rows - start), units), np.float32)
            part *= np.float32((2 / rows) ** 0.5)
            layer.kernel.value[start : start + _SLICE].assign(part)
