"""Small Keras layers that our models share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np

_part: ContextVar[tuple[Any, Any] | None] = ContextVar("_part", default=None)


@keras.saving.register_keras_serializable(package="asksight")
class LengthMask(keras.layers.Layer):  # type: ignore[misc]
    """lengths [N], sequence [N,T,...] -> mask [N,T] bool: True before each length.

    Hand its output as `mask=` to a recurrent layer. In ONNX such a layer takes the lengths themselves.
    """

    def call(self, lengths: Any, sequence: Any) -> Any:
        steps = keras.ops.arange(keras.ops.shape(sequence)[1], dtype="int32")  # [T]
        return steps[None, :] < keras.ops.cast(lengths, "int32")[:, None]

    def compute_output_spec(self, lengths: Any, sequence: Any) -> Any:
        return keras.KerasTensor((sequence.shape[0], sequence.shape[1]), dtype="bool")


@keras.saving.register_keras_serializable(package="asksight")
class GridCoordinates(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """Append each cell's place to its channels: [N,h,w,C] -> [N,h,w,C+2], x and y from -4 to 4.

    As large as other channels become, so that places are learned as soon as looks are.
    Coordinates as channels: Liu et al. 2018, "An intriguing failing of convolutional neural networks".
    """

    def build(self, input_shape: tuple[Any, ...]) -> None:
        _, height, width, _ = input_shape
        y, x = np.meshgrid(np.linspace(-4, 4, height), np.linspace(-4, 4, width), indexing="ij")
        self.grid = np.stack([x, y], axis=-1)[None].astype(np.float32)  # [1,h,w,2]

    def call(self, inputs: Any) -> Any:
        grid = keras.ops.cast(keras.ops.convert_to_tensor(self.grid), inputs.dtype)
        shape = (keras.ops.shape(inputs)[0], *self.grid.shape[1:])
        return keras.ops.concatenate([inputs, keras.ops.broadcast_to(grid, shape)], axis=-1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*input_shape[:3], input_shape[3] + 2)


@contextmanager
def part_of_a_batch(size: Any, own: Any) -> Iterator[None]:
    """Within it a model is called on the rows `own` [n] of a batch of `size` rows, the others being elsewhere."""
    token = _part.set((size, own))
    try:
        yield
    finally:
        _part.reset(token)


@keras.saving.register_keras_serializable(package="asksight")
class BatchDropout(keras.layers.Dropout):  # type: ignore[misc]
    """Dropout whose mask is drawn for the whole batch, also where other devices have some of its rows.

    So several devices learn from a batch exactly what one would. Outside `part_of_a_batch` it is Keras' own.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        part = _part.get()
        if part is None or not training or not self.rate:
            return super().call(inputs, training=training)
        size, own = part
        ones = keras.ops.ones((size, *inputs.shape[1:]), inputs.dtype)
        mask = keras.random.dropout(ones, self.rate, seed=self.seed_generator)  # [size, ...]
        return inputs * keras.ops.take(mask, own, axis=0)
