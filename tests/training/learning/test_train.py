"""Training: it learns, stops and goes on where it was, and refuses a folder that holds another run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asksight.training.datasets.photo_reader import square_reader
from asksight.training.errors import TrainingError
from asksight.training.learning.runs import Run, TrainSettings
from asksight.training.scenes.make_scenes import make_split

SMALL = {
    "channels": (8, 12, 16),
    "word_dimension": 12,
    "phrase_units": 16,
    "heard_units": 16,
    "answer_units": 24,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    make_split(out, "train", pictures=64, seed=1, processes=1)
    make_split(out, "val", pictures=20, seed=1, processes=1)
    return out


def settings(data: Path) -> TrainSettings:
    return TrainSettings(data=str(data), epochs=2, side=32, photos_per_batch=8, min_word_count=1, sizes=SMALL)


def test_a_folder_that_holds_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    Run(tmp_path).begin(settings(data))
    with pytest.raises(TrainingError, match="epochs, seed"):
        Run(tmp_path).begin(replace(settings(data), seed=3, epochs=1))


def test_photos_that_are_decoded_already_are_not_read_again(data: Path, tmp_path: Path) -> None:
    from asksight.training.datasets import open_dataset
    from asksight.training.learning.examples import choose_words, load_examples

    dataset = open_dataset(data, "val")
    read = square_reader(32)
    read_paths: list[Path] = []

    def counting(path: Path) -> np.ndarray:
        read_paths.append(path)
        return read(path)

    words, answers = choose_words(dataset.questions, min_count=1), ("yes", "no")
    made = [
        load_examples(
            dataset,
            words=words,
            answers=answers,
            max_tokens=30,
            side=32,
            cache=tmp_path / "p.npy",
            read=counting,
        )
        for _ in range(2)
    ]
    examples = made[1]
    assert len(read_paths) == 20
    np.testing.assert_array_equal(examples.photos[7], read(dataset.photo(examples.image_ids[7])))
    known = np.array([a in answers for a in dataset.answers_modal])
    np.testing.assert_array_equal(examples.answers >= 0, known)


def test_photos_go_on_after_the_last_that_were_noted_and_progress_is_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while it decodes photo 11 of 20, with each 4 noted: the first 8 are not read again."""
    from asksight.training.datasets import open_dataset
    from asksight.training.learning import examples

    monkeypatch.setattr(examples, "_NOTED", 4)
    dataset = open_dataset(data, "val")
    read, read_paths = square_reader(32), list[Path]()
    told: list[tuple[int, int]] = []
    stop_at: Path | None = sorted({dataset.photo(i) for i in dataset.image_ids})[10]

    def reading(path: Path) -> np.ndarray:
        if path == stop_at:
            raise KeyboardInterrupt
        read_paths.append(path)
        return read(path)

    def load() -> Any:
        return examples.load_examples(
            dataset,
            words=("is",),
            answers=("yes",),
            max_tokens=30,
            side=32,
            cache=tmp_path / "p.npy",
            read=reading,
            progress=lambda done, total: told.append((done, total)),
        ).photos

    with pytest.raises(KeyboardInterrupt):
        load()
    stop_at = None
    before, reached = len(told), told[-1][0]
    read_paths.clear()
    photos = load()
    assert reached >= 8
    assert len(read_paths) == 12
    assert told[before:] == [(done, 20) for done in range(9, 21)]
    for place, image_id in enumerate(dict.fromkeys(dataset.image_ids)):
        np.testing.assert_array_equal(photos[place], read(dataset.photo(image_id)))
    told.clear()
    np.testing.assert_array_equal(load(), photos)
    assert told == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.json", "p.npy"]
