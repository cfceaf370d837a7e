"""A data set with stored features that a small model learns in seconds, for tests of training on features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vqa_files import write_vqa

from asksight.training.datasets.prepare import prepare
from asksight.training.features.store import StoreAbout, StoreWriter, begin
from asksight.training.learning.stored_settings import StoredSettings

COLOURS = ("red", "green", "blue", "black")
FEATURES = 6
SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"units": 24, "dropout": 0.1},
    "lstm": {"units": 24, "dropout": 0.1, "lstm_units": 12},
    "attention": {"channels": (8, 8, 12), "phrase_units": 12, "heard_units": 16, "role_units": 16},
}
GRID = (2, 3)  # cells


def asked(images: range) -> list[tuple[int, str, list[str]]]:
    """Photo i has the colour i mod 4, and i mod 3 dots."""
    rows = []
    for image_id in images:
        colour, dots = COLOURS[image_id % 4], str(image_id % 3)
        rows += [
            (image_id, "What colour is it?", [colour] * 7 + ["dark " + colour] * 3),
            (image_id, "How many dots are there?", [dots] * 10),
            (image_id, f"Is it {COLOURS[image_id // 4 % 4]}?", [_yes(image_id)] * 6 + ["maybe"] * 4),
        ]
    return rows


def _yes(image_id: int) -> str:
    return "yes" if image_id // 4 % 4 == image_id % 4 else "no"


def write_data(folder: Path, *, train: int = 96, val: int = 32, grid: bool = False) -> tuple[Path, Path]:
    """The prepared data set, and a store with its features: the colour and the dots, one-hot, with some noise.

    In a grid, they are in one of its cells.
    """
    raw = folder / "raw"
    write_vqa(raw, split="train2014", asked=asked(range(train)), photos=False)
    write_vqa(raw, split="val2014", asked=asked(range(1000, 1000 + val)), photos=False)
    prepare(raw, folder / "data", without_photos=True)
    store = folder / "store"
    about = StoreAbout(
        encoder={"name": "made-up", "weights_sha256": None},
        preprocessing={"resize": "stretch", "resample": "bilinear", "color_order": "rgb"},
        feature_shape=(*GRID, FEATURES) if grid else (FEATURES,),
    )
    begin(store, about)
    for split, ids in (("train2014", np.arange(train)), ("val2014", np.arange(1000, 1000 + val))):
        writer = StoreWriter(store / split, ids, about)
        values = np.random.default_rng(0).normal(0, 0.05, (len(ids), FEATURES))
        values[np.arange(len(ids)), ids % 4] += 1
        values[:, 4] += ids % 3
        writer.write(np.arange(len(ids)), _in_a_cell(values) if grid else values)
        writer.close()
    return folder / "data", store


def _in_a_cell(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, F] → [P, h, w, F], each in a cell of its own, the others with noise only."""
    random = np.random.default_rng(1)
    cells = random.normal(0, 0.05, (len(values), GRID[0] * GRID[1], FEATURES))
    cells[np.arange(len(values)), random.integers(0, cells.shape[1], len(values))] = values
    return cells.reshape(len(values), *GRID, FEATURES)


def settings(data: Path, store: Path | None, **other: Any) -> StoredSettings:
    """A small and quick run."""
    arch = other.pop("arch", "mlp")
    told: dict[str, Any] = {
        "features": "none" if store is None else str(store),
        "train_split": "train2014",
        "val_split": "val2014",
        "word_dimension": 10,
        "epochs": 3,
        "batch": 32,
        "learning_rate": 3e-3,
        "sizes": SIZES[arch],
    }
    return StoredSettings(arch=arch, data=str(data), **told | other)
