"""The encoder of a bundle: trained with the run, or taken from the feature store that the run was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportError
from ..features.store import StoreAbout, read_about
from ..learning.stored_settings import QUESTION_ONLY
from .keras_onnx import save_onnx

PREPROCESSING = {"resize": "stretch", "resample": "bilinear", "color_order": "rgb"}
BATCH = 8  # photos at a time; 32 would take another gigabyte with VGG16


@dataclass(frozen=True, kw_only=True)
class ExportedEncoder:
    """An encoder's ONNX graph, and sample photos with the features that it was known to give for them."""

    graph: Path
    photos: NDArray[Any]  # [S, H, W, 3]
    features: NDArray[np.float32]  # [S, ...]
    preprocessing: Mapping[str, Any]


def uses_store(config: Mapping[str, Any]) -> bool:
    """Whether a run of this config.json was trained on a feature store."""
    return bool(config.get("features", QUESTION_ONLY) != QUESTION_ONLY)


def other_encoder(config: Mapping[str, Any], about: StoreAbout) -> list[str]:
    """The properties in which a store's encoder differs from the encoder that a run of this config.json used."""
    learned = {name: config["encoder"].get(name) for name in ("name", "grid", "weights_sha256")}
    return [n for n, value in learned.items() if value is not None and value != about.encoder.get(n)]


def trained_encoder(
    encoder: Any, folder: Path, photos: NDArray[np.uint8], preprocessing: Mapping[str, Any]
) -> ExportedEncoder:
    """Write a run's own encoder as `folder`/encoder.onnx. Raises ExportError where a layer has no conversion."""
    graph = folder / "encoder.onnx"
    save_onnx(encoder, graph, output_names=["features"], uint8_inputs=["image"])
    parts = [photos[start : start + BATCH].astype(np.float32) for start in range(0, len(photos), BATCH)]
    features = np.concatenate([np.asarray(encoder(part, training=False)) for part in parts])
    return ExportedEncoder(graph=graph, photos=photos, features=features, preprocessing=preprocessing)


def stored_encoder(config: Mapping[str, Any], store: Path | None, *, samples: int) -> ExportedEncoder:
    """The encoder of the store that a run names, or of another one, `store`, with the same weights.

    Raises ExportError where the store has no encoder, or not the encoder that the run was trained on, and
    FeatureError where the folder is not a store.
    """
    path = Path(config["features"]) if store is None else store
    about = read_about(path)
    graph, kept = path / "encoder.onnx", path / "samples.npz"
    if not graph.exists() or not kept.exists():
        raise ExportError(
            f"{path} has features but no encoder; they come from {about.encoder.get('source', 'elsewhere')}. Run "
            "asksight features on a few photos with the encoder that made them, and name that store with --features."
        )
    if differs := other_encoder(config, about):
        raise ExportError(
            f"{path} was made by another encoder than the run was trained on (different: {', '.join(differs)}). "
            "Name the store that it was trained on with --features."
        )
    with np.load(kept) as saved:
        places = np.arange(samples) % len(saved["images"])
        photos, features = saved["images"][places], saved["features"][places]
    return ExportedEncoder(graph=graph, photos=photos, features=features, preprocessing=about.preprocessing)
