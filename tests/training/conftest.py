"""Keras on TensorFlow, quiet, and the same random numbers each time."""

import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # figures are compared with those of a CPU


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    """Where a test uses Keras, its weights are the same each time."""
    import sys

    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
