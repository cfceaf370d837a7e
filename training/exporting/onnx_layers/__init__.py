"""Converters from Keras layers to ONNX nodes, one family in each file. Importing this package registers them all."""

from . import (
    activations,
    convolution,
    coordinates,
    dense,
    masks,
    merge,
    normalisation,
    operations,
    pooling,
    recurrent,
    shape,
)
from .registry import Call, converts, converts_operation

__all__ = [
    "Call",
    "activations",
    "converts",
    "converts_operation",
    "convolution",
    "coordinates",
    "dense",
    "masks",
    "merge",
    "normalisation",
    "operations",
    "pooling",
    "recurrent",
    "shape",
]
