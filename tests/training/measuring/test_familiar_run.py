"""What a run knows: learned at its end from its own photos and questions, by those that were held out how far."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from asksight.training.errors import TrainingError
from asksight.training.learning.runs import Run
from asksight.training.measuring import familiar_run
from asksight.training.measuring.familiar_run import (
    FamiliarRecord,
    QuestionsAsked,
    familiar_record,
    learn_familiar,
)

CHANNELS = 8
LEARNED, HELD = 300, 150


def asked(photos: int, *, seed: int, question: str = "what colour is this", blind: bool = False) -> Any:
    """Two questions about each photo, whose features are normal."""
    rows = np.random.default_rng(seed).normal(size=(photos, CHANNELS)).astype(np.float32)

    def features(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        return rows[numbers]

    return QuestionsAsked(
        questions=[question] * (2 * photos),
        photo_of=np.repeat(np.arange(photos), 2),
        features=None if blind else features,
    )


def known(tmp_path: Path, learned: Any, held: Any, answered: Any = None) -> FamiliarRecord:
    run = Run(tmp_path)
    certain = np.ones(len(held.questions), bool) if answered is None else answered
    learn_familiar(run, learned, held, certain)
    record = familiar_record(run)
    assert record is not None
    return record


def test_photos_it_learned_from_are_known_and_others_say_how_far(tmp_path: Path) -> None:
    told = known(tmp_path, asked(LEARNED, seed=1), asked(HELD, seed=2, question="what shape is this"))
    assert told.familiar.photos == LEARNED
    assert told.familiar.photo_threshold is not None
    assert told.familiar.questions == 2 * (LEARNED + HELD)
    assert told.familiar.words == 5  # of both
    assert told.figures["held_out"] == {"photos": HELD, "questions": 2 * HELD}
    assert 0 < told.figures["lost"]["photo"] <= 0.02
    nearer = known(tmp_path, asked(LEARNED, seed=1), asked(HELD, seed=1)).familiar.photo_threshold
    assert nearer is not None
    assert nearer < told.familiar.photo_threshold  # photos that it learned from are no measure


def test_only_what_is_answered_can_be_lost(tmp_path: Path) -> None:
    held = asked(HELD, seed=2)
    answered = np.zeros(2 * HELD, bool)
    answered[:100] = True
    assert known(tmp_path, asked(LEARNED, seed=1), held, answered).figures["held_out"]["questions"] == 100


def test_of_a_model_that_sees_no_photo_the_words_are_known(tmp_path: Path) -> None:
    told = known(tmp_path, asked(LEARNED, seed=1, blind=True), asked(HELD, seed=2, blind=True))
    assert told.familiar.photo_threshold is None
    assert told.familiar.words == 4


def test_the_smallest_photo_of_all_that_it_knows_is_told(tmp_path: Path) -> None:
    learned, held = asked(LEARNED, seed=1), asked(HELD, seed=2)
    assert known(tmp_path, learned, held).familiar.smallest_side is None

    def photo(number: int) -> Path:
        path = tmp_path / f"{number}.jpg"
        if not path.exists():
            Image.new("RGB", (400, 300 - number)).save(path)
        return path

    for whose, other, side in ((learned, held, 301 - LEARNED), (held, learned, 301 - HELD)):
        sized = replace(whose, photo=photo)
        pair = (sized, other) if whose is learned else (other, sized)
        assert known(tmp_path, *pair).familiar.smallest_side == side


def test_of_many_photos_some_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familiar_run, "MOST_PHOTOS", 120)
    told = known(tmp_path, asked(LEARNED, seed=1), asked(HELD, seed=2))
    assert told.familiar.photos == 120
    assert told.figures["held_out"] == {"photos": 120, "questions": 240}


def test_a_run_may_say_nothing_and_a_broken_file_is_named(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert familiar_record(run) is None
    known(tmp_path, asked(LEARNED, seed=1), asked(HELD, seed=2))
    run.known.unlink()
    with pytest.raises(TrainingError, match=r"familiar\.npz is broken.*train again"):
        familiar_record(run)
