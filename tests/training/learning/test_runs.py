"""A run folder: it is of one run on certain data, and nothing is left by what never began."""

from __future__ import annotations

from pathlib import Path

import pytest
from vqa_files import write_easy_vqa

from asksight.training.datasets import DatasetError, open_dataset
from asksight.training.errors import TrainingError
from asksight.training.learning.fingerprints import of_photos, of_questions
from asksight.training.learning.runs import Run, TrainSettings


def test_a_run_knows_its_data(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.begin(TrainSettings(), {"the answers of train": "a", "the photos of train": "b"})
    run.begin(TrainSettings(), {"the answers of train": "a", "the photos of train": "b"})
    with pytest.raises(TrainingError, match="learned from other data: the answers of train changed since"):
        run.begin(TrainSettings(), {"the answers of train": "c", "the photos of train": "b"})


def test_what_a_fingerprint_is_of(tmp_path: Path) -> None:
    """Answers, questions and photos are told apart; a folder that was moved is the same."""
    folder = write_easy_vqa(tmp_path / "train")
    before = open_dataset(folder, "train")
    asked, seen = of_questions(before), of_photos(before)
    path = folder / "questions.json"
    path.write_text(path.read_text().replace("yes", "maybe"))
    changed = {
        name for name, value in of_questions(open_dataset(folder, "train")).items() if asked[name] != value
    }
    assert changed == {"the answers of train"}
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere/train")
    assert of_photos(open_dataset(moved, "train")) == seen
    (moved / "images/3.png").write_bytes((moved / "images/4.png").read_bytes())
    assert of_photos(open_dataset(moved, "train")) != seen


def test_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("all of it")
    with pytest.raises(TrainingError, match=r"holds something else \(thesis\.txt\); name a new folder"):
        Run(tmp_path / "mine").check(TrainSettings())
    with pytest.raises(TrainingError, match="is a file; name a folder"):
        Run(tmp_path / "mine/thesis.txt").check(TrainSettings())


def test_a_new_folder_is_gone_where_the_run_never_began(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")

    def end(error: BaseException) -> None:
        with run.opened():
            (run.path / "photos_train.part.npy").write_bytes(b"decoded")
            raise error

    with pytest.raises(DatasetError):
        end(DatasetError("A photo is bad."))
    assert not run.path.exists()
    with pytest.raises(KeyboardInterrupt):
        end(KeyboardInterrupt())
    run.check(TrainSettings())  # what was decoded is gone on with
    with pytest.raises(DatasetError):
        end(DatasetError("A photo is bad."))
    assert run.path.exists()
