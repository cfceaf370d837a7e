"""Keras layers as ONNX nodes, one family a file; importing this package registers them all."""

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
