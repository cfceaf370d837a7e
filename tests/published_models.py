"""The tiny published models of the oracle, and asking what was imported from them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from oracle.tiny import BLIPS, EXPECTED, Shapes, asks, photos, write_model

from asksight.engine import Bundle
from asksight.training.importing.blip import import_blip
from asksight.training.importing.vilt import import_vilt

BEAMS, PIECES = 4, 6  # as the oracle has them
Batch = dict[str, NDArray[Any]]


@cache
def expected(name: str) -> dict[str, NDArray[Any]]:
    """What transformers says of a model."""
    with np.load(EXPECTED / f"{name}.npz") as kept:
        return dict(kept)


def shapes(name: str) -> Shapes:
    """Its tensors, as transformers has them."""
    return {one: tuple(shape) for one, shape in json.loads(str(expected(name)["shapes"])).items()}


def published(folder: Path, name: str) -> Path:
    """Write the model."""
    return write_model(folder, name, shapes(name))


def imported(source: Path, out: Path, name: str) -> Bundle:
    """Import it as the oracle asks it."""
    if name in BLIPS:
        return import_blip(source, out, beams=BEAMS, pieces=PIECES)
    return import_vilt(source, out)


def photo_batch(bundle: Bundle, name: str) -> Batch:
    """All photos of a model, in the corner of the canvas."""
    taken = photos(name)
    image = np.zeros((len(taken), bundle.image_height, bundle.image_width, 3), np.uint8)
    for canvas, photo in zip(image, taken, strict=True):
        canvas[: photo.shape[0], : photo.shape[1]] = photo
    if not bundle.takes_grid:
        return {"image": image}
    multiple = bundle.preprocessing["multiple"]
    grid = np.array([(photo.shape[0] // multiple, photo.shape[1] // multiple) for photo in taken], np.int32)
    return {"image": image, "grid": grid}


def question_batch(bundle: Bundle, name: str, features: NDArray[np.float32]) -> Batch:
    """All asks about a model, padded to the longest."""
    taken = asks(name)
    lengths = np.array([len(rows) for _, rows in taken], np.int32)
    question = np.zeros((len(taken), lengths.max(), bundle.vectors.shape[1]), np.float32)
    for row, (_, rows) in zip(question, taken, strict=True):
        row[: len(rows)] = bundle.vectors[rows]
    return {"question": question, "lengths": lengths, "features": features[[photo for photo, _ in taken]]}


def alone(batch: Batch, row: int) -> Batch:
    """One ask of a batch, without padding."""
    one = {key: array[row : row + 1] for key, array in batch.items()}
    return one | {"question": one["question"][:, : one["lengths"][0]]}


def difference(name: str, given: Batch, rows: slice = slice(None)) -> float:
    """The furthest that any probability is from what transformers says, of as many answers and pieces as are given."""
    wanted = {key: array[rows] for key, array in expected(name).items() if key != "shapes"}
    if name in BLIPS:
        beams, pieces = given["tokens"].shape[1:]
        wanted = {key: array[:, :beams, :pieces] for key, array in wanted.items()}
        np.testing.assert_array_equal(given["tokens"], wanted["tokens"])
        pairs = given["log_probabilities"], wanted["log_probabilities"]
        return float(np.abs(np.exp(pairs[0]) - np.exp(pairs[1])).max())
    first, second = (1 / (1 + np.exp(-one["logits"].astype(np.float64))) for one in (given, wanted))
    return float(np.abs(first - second).max())
