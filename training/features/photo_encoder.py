"""What a store of features is filled with: an encoder, and photos as it takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .extract import Encode, Read

GRAPH = "encoder.onnx"  # in the store's folder


@dataclass(frozen=True, kw_only=True)
class PhotoEncoder:
    """One encoder, ready to be used."""

    told: Mapping[str, Any]  # what store.json says of it
    preprocessing: Mapping[str, Any]  # as in a bundle
    feature_shape: tuple[int, ...]
    read: Read
    encode: Encode
    exact: Encode  # as `encode` where that is quicker than exact
    save: Callable[[Path], None]  # writes its graph, of the name GRAPH, into a folder
