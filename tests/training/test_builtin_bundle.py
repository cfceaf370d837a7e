"""The bundle that is committed answers fresh scenes: the figures that the README gives do not rot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asksight.engine import load_bundle
from asksight.training.datasets import open_dataset
from asksight.training.datasets.photo_reader import photo_reader
from asksight.training.measuring.evaluate import predict
from asksight.training.measuring.scores import score
from asksight.training.scenes.make_scenes import make_split

SEED = 77  # training took another


def _figures(out: Path, *, pictures: int, unseen: bool = False) -> Any:
    make_split(out, "val", pictures=pictures, seed=SEED, unseen=unseen)
    dataset, bundle = open_dataset(out, "val"), load_bundle("scenes")
    return score(dataset, predict(bundle, dataset, read_photo=photo_reader(bundle)))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _figures(tmp_path_factory.mktemp("scenes"), pictures=500)


def test_it_is_right_on_at_least_97_percent_of_fresh_scenes(figures: Any) -> None:
    assert figures["photos"] == 500
    assert figures["exact"] >= 97


@pytest.mark.parametrize("family", ["colour", "shape", "size", "existence", "attribute"])
def test_it_is_right_about_single_things(figures: Any, family: str) -> None:
    assert figures["by_type"][family]["exact"] >= 97


@pytest.mark.parametrize("family", ["horizontal", "vertical", "neighbour", "bigger", "count", "compare"])
def test_it_is_right_about_places_sizes_and_numbers(figures: Any, family: str) -> None:
    assert figures["by_type"][family]["exact"] >= 90


def test_what_it_says_as_certain_is_wrong_at_most_one_time_in_fifty(figures: Any) -> None:
    assert figures["exact_when_answered"] >= 98
    assert figures["verdicts"]["answered"] > 0.88


def test_it_understands_wordings_that_training_never_used(tmp_path: Path) -> None:
    assert _figures(tmp_path, pictures=200, unseen=True)["exact"] >= 85


def test_it_is_small_enough_to_be_shipped() -> None:
    files = [path for path in load_bundle("scenes").path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 4_000_000
