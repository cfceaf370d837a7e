"""The encoder that a store keeps, tried before anything is learned from its features: export will need it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from asksight.engine import EngineError
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

from ..errors import FeatureError
from .photo_encoder import GRAPH

TOLERANCE = 0.01  # of the largest feature; engines differ by a thousandth of that


def check_kept_encoder(store: Path) -> None:
    """Raises FeatureError where the store's encoder cannot be run, or no longer gives what the store says it gave.

    A store of features from elsewhere keeps none, and is good to learn from.
    """
    graph, kept = store / GRAPH, store / "samples.npz"
    if not graph.exists() or not kept.exists():
        return
    again = (
        f"Delete {graph} and {kept}, and run the same asksight features command again: it writes them anew."
    )
    try:
        with kept.open("rb") as file, np.load(file) as saved:  # which leaves a file open that is no archive
            photos, features = saved["images"][:1], saved["features"][:1]
        with closing(OnnxRuntimeEngine(graph, max_batch=1)) as engine:
            given = engine.infer({"image": photos})["features"]
    except (EngineError, ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise FeatureError(f"The encoder that {store} keeps cannot be run: {error} {again}") from error
    if given.shape != features.shape or np.abs(given - features).max() > TOLERANCE * np.abs(features).max():
        raise FeatureError(
            f"The encoder that {store} keeps gives other features than it gave when the store was made. {again}"
        )
