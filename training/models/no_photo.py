"""An encoder for models of the question alone: it sees nothing, and a bundle must have one."""

from __future__ import annotations

import keras


def no_photo() -> keras.Model:
    """`image` [N,32,32,3] → `features` [N,1], always 0."""
    image = keras.Input((32, 32, 3), name="image")
    mean = keras.layers.GlobalAveragePooling2D()(image)
    nothing = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="features")(mean)
    return keras.Model(image, nothing, name="encoder")
