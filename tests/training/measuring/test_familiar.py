"""What a bundle knows, measured: half of the photos say what, the others from where on; and what that loses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from bundles import FEATURES, write_random_bundle
from PIL import Image

from asksight.engine.bundle.familiar import familiarity_of
from asksight.training.datasets import Dataset
from asksight.training.measuring.asking import FeatureBatches
from asksight.training.measuring.familiar import LEAST_PHOTOS, PooledPhotos, keep_measured

PHOTOS = 600


class Asked:
    """A fake data set of two questions a photo; one in 300 photos is asked about a word that no other has."""

    def __init__(self, photos: int = PHOTOS) -> None:
        self.photos: Path | None = None
        self.image_ids = [photo for photo in range(photos) for _ in range(2)]
        self.questions = [
            f"is this odd{photo}" if turn and photo % 300 == 7 else "what colour is this"
            for photo in range(photos)
            for turn in range(2)
        ]

    def photo(self, image_id: int) -> Path:
        assert self.photos is not None
        return self.photos / f"{image_id}.png"


def encoded(shift: float = 0.0) -> Any:
    def features(image_ids: Sequence[int]) -> FeatureBatches:
        for start in range(0, len(image_ids), 32):
            some = list(image_ids[start : start + 32])
            rows = [np.random.default_rng(one).normal(shift, 1.0, FEATURES) for one in some]
            yield some, np.array(rows, np.float32)

    return features


def seen(count: int, features: Any) -> PooledPhotos:
    pooled = PooledPhotos(features)
    batches = list(pooled(range(count)))
    assert sum(len(ids) for ids, _ in batches) == count  # they go on as they came
    return pooled


def measured(tmp_path: Path, photos: int = PHOTOS, answered: Sequence[int] = (), features: Any = None) -> Any:
    dataset = cast("Dataset", Asked(photos))
    bundle = write_random_bundle(tmp_path / "bundle")
    return keep_measured(bundle, dataset, seen(photos, features or encoded()), answered, data="mine")


def test_at_most_a_few_of_what_is_like_it_are_lost(tmp_path: Path) -> None:
    bundle = measured(tmp_path)
    told = bundle.training["familiar"]
    assert told["data"] == "mine"
    assert 0 < told["lost"]["all"] <= 0.02
    assert told["held_out"] == {"photos": PHOTOS // 2, "questions": PHOTOS}
    familiarity = familiarity_of(bundle)
    assert familiarity is not None
    like, unlike = (
        np.concatenate([rows for _, rows in encoded(shift)(range(1000, 1400))]) for shift in (0.0, 3.0)
    )
    assert familiarity.far(like).mean() < 0.05
    assert familiarity.far(unlike).all()
    assert [familiarity.strange(text) for text in ("what colour", "what dog")] == [False, True]


def test_only_what_is_answered_can_be_lost(tmp_path: Path) -> None:
    def some_are_odd(image_ids: Sequence[int]) -> FeatureBatches:
        for some, rows in encoded()(image_ids):
            yield some, np.where((np.array(some) % 25 == 0)[:, None], np.sign(rows) * np.float32(50), rows)

    answered = [number for number in range(2 * PHOTOS) if number // 2 % 25]
    whole = measured(tmp_path / "whole", features=some_are_odd).familiar
    some = measured(tmp_path / "some", features=some_are_odd, answered=answered).familiar
    assert some.photo_threshold < whole.photo_threshold


def test_of_few_photos_only_words_are_known(tmp_path: Path) -> None:
    few = 2 * LEAST_PHOTOS - 1
    bundle = measured(tmp_path, photos=few)
    assert bundle.familiar is not None
    assert (bundle.familiar.photos, bundle.familiar.photo_threshold) == (0, None)
    assert bundle.familiar.questions == 2 * few


def test_a_question_of_which_no_word_is_known_is_strange_however_many_are_so(tmp_path: Path) -> None:
    """One in ten is of a word that no other has: by their share alone, none of them would be strange."""
    dataset = Asked()
    dataset.questions = [
        f"is this odd{number}" if number % 10 == 0 else question
        for number, question in enumerate(dataset.questions)
    ]
    bundle = write_random_bundle(tmp_path / "bundle")
    bundle = keep_measured(bundle, cast("Dataset", dataset), seen(PHOTOS, encoded()))
    familiarity = familiarity_of(bundle)
    assert familiarity is not None
    assert [familiarity.strange(text) for text in ("is this a dog", "what colour is the dog", "odd10")] == [
        True,
        False,
        False,
    ]
    assert bundle.training["familiar"]["lost"]["question"] == pytest.approx(0.1, abs=0.03)  # which is told


def test_the_smallest_photo_of_either_half_says_from_where_on_others_are_too_small(tmp_path: Path) -> None:
    dataset = Asked(4)
    dataset.photos = tmp_path
    for image_id in range(4):
        Image.new("RGB", (90 + image_id, 70 - image_id)).save(dataset.photo(image_id))
    bundle = write_random_bundle(tmp_path / "bundle")

    def side() -> int | None:
        told = keep_measured(bundle, cast("Dataset", dataset), seen(4, encoded())).familiar
        assert told is not None
        return told.smallest_side

    assert side() == 67
    dataset.photo(2).write_bytes(b"no photo")
    assert side() is None
    dataset.photo(2).unlink()
    assert side() is None
    dataset.photos = None
    assert side() is None


@pytest.mark.parametrize("photos", [1, 2])
def test_of_hardly_any_it_does_not_fail(tmp_path: Path, photos: int) -> None:
    assert measured(tmp_path, photos=photos).familiar.questions >= 2
