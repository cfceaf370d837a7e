"""A bundle's own photo half, as a store is filled with it: frozen, with the photos read as the bundle wants them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle
from asksight.engine.graphs.graph import read_header
from asksight.engine.plans.pick import DEFAULT, open_stage

from ..datasets.photo_reader import photo_reader
from ..errors import FeatureError
from .lineage import told_of
from .photo_encoder import GRAPH, PhotoEncoder
from .store import read_about


@contextmanager
def bundle_encoder(bundle: Bundle, *, engine: str = "auto", batch: int = 8) -> Iterator[PhotoEncoder]:
    """The encoder of `bundle`, in the engine that serves it here.

    Raises FeatureError where its photo half tells nothing, and EngineError.
    """
    if bundle.takes_grid:
        raise FeatureError(
            f"{bundle.path} ({bundle.architecture}) reads photo and question together: its photo half only cuts the "
            "photo into patches, which tells a new answerer nothing. Take a bundle that looks at the photo by itself, "
            "such as blip-vqa."
        )
    read = photo_reader(bundle)

    def exact(images: NDArray[Any]) -> NDArray[Any]:
        with closing(open_stage(bundle, "encoder", DEFAULT, max_batch=batch).engine) as opened:
            parts = [images[start : start + batch] for start in range(0, len(images), batch)]
            return np.concatenate([opened.infer({"image": part})["features"] for part in parts])

    with closing(open_stage(bundle, "encoder", engine, max_batch=batch).engine) as opened:
        yield PhotoEncoder(
            told=told_of(bundle),
            preprocessing=bundle.preprocessing,
            feature_shape=bundle.feature_shape,
            read=lambda path: read(path)["image"],
            encode=lambda images: opened.infer({"image": images})["features"],
            exact=exact,
            save=lambda folder: _save(folder, bundle),
        )


def check_made_by(store: Path, bundle: Bundle) -> None:
    """Raises FeatureError unless the store's features are of this bundle's encoder."""
    if read_about(store).encoder.get("weights_sha256") != bundle.graph_sha256("encoder"):
        raise FeatureError(
            f"{store} was made by another encoder than that of {bundle.path}. Make a store with asksight features "
            f"--encoder {bundle.path}."
        )


def _save(folder: Path, bundle: Bundle) -> None:
    """The graph last, so that where it is there, its weights are too."""
    for name in (*sorted(read_header(bundle.encoder_path).external_files), GRAPH):
        unfinished = folder / f"{name}.part"
        shutil.copyfile(bundle.path / name, unfinished)
        unfinished.replace(folder / name)
