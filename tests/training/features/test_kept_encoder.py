"""A store whose encoder was damaged is refused before anything is learned from it, not at export."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from stored_runs import settings, write_data

from asksight.engine import load_bundle
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.training.errors import FeatureError
from asksight.training.features.kept_encoder import check_kept_encoder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `asksight features --encoder scenes` keeps beside the features."""
    folder, bundle = tmp_path_factory.mktemp("store"), load_bundle("scenes")
    shutil.copyfile(bundle.encoder_path, folder / "encoder.onnx")
    shape = (2, bundle.image_height, bundle.image_width, 3)
    photos = np.random.default_rng(0).integers(0, 256, shape).astype(bundle.image_dtype)
    with closing(OnnxRuntimeEngine(bundle.encoder_path, max_batch=2)) as engine:
        np.savez(folder / "samples.npz", images=photos, features=engine.infer({"image": photos})["features"])
    return folder


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeroed(path: Path) -> None:
    """Its largest weights, so that it is an encoder still."""
    model = onnx.load(path)
    largest = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    largest.raw_data = bytes(len(largest.raw_data))
    onnx.save(model, path)


DAMAGED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "cut": ("encoder.onnx", cut, "cannot be run"),
    "nothing": ("encoder.onnx", lambda path: path.write_bytes(b""), "cannot be run"),
    "another file": ("encoder.onnx", lambda path: path.write_bytes(b"<html>404</html>"), "cannot be run"),
    "other weights": ("encoder.onnx", zeroed, "gives other features"),
    "samples cut": ("samples.npz", cut, "cannot be run"),
}


@pytest.mark.parametrize(("name", "damage", "said"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named_before_the_first_step(
    whole: Path, tmp_path: Path, name: str, damage: Callable[[Path], object], said: str
) -> None:
    from asksight.training.learning.train_stored import train_stored

    data, store = write_data(tmp_path, train=8, val=4)
    for kept in whole.iterdir():
        shutil.copy(kept, store)
    check_kept_encoder(store)
    damage(store / name)
    with pytest.raises(FeatureError, match=f"{said}.*same asksight features command again"):
        train_stored(settings(data, store), tmp_path / "run", curves=tmp_path / "curves")
    assert not (tmp_path / "run").exists()


def test_a_store_of_features_from_elsewhere_keeps_no_encoder(tmp_path: Path) -> None:
    check_kept_encoder(tmp_path)
