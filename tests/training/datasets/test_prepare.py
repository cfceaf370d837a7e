"""The prepared folder: five text files in step, and what was read comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vqa_files import ASKED, photo_paths, write_easy_vqa, write_vqa

from asksight.training.datasets import DatasetError, open_dataset
from asksight.training.datasets.prepare import held_out, prepare
from asksight.training.datasets.prepared import file_names


def test_the_files_of_the_tutorial(tmp_path: Path) -> None:
    """Line i of each belongs together, also where questions hold line breaks."""
    write_vqa(tmp_path / "vqa")
    done = prepare(tmp_path / "vqa", tmp_path / "out")
    assert done.splits == {"train2014": {"questions": 5, "images": 3}}
    lines = {
        name: (tmp_path / "out" / name).read_text(encoding="utf-8").split("\n")
        for name in (
            "questions_train2014.txt",
            "questions_lengths_train2014.txt",
            "questions_id_train2014.txt",
            "images_train2014.txt",
            "answers_train2014_modal.txt",
        )
    }
    assert {len(rows) for rows in lines.values()} == {len(ASKED) + 1}  # the last line ends too
    assert [rows[1] for rows in lines.values()] == ["How many wheels are there?", "6", "9001", "9", "4"]
    assert lines["questions_train2014.txt"][3] == "¿Qué es esto? 🙂"


def test_what_was_read_comes_back(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    prepare(tmp_path / "vqa", tmp_path / "out")
    raw, back = open_dataset(tmp_path / "vqa", "train2014"), open_dataset(tmp_path / "out", "train2014")
    assert list(raw) == list(back)
    assert [path.resolve() for path in photo_paths(back)] == [path.resolve() for path in photo_paths(raw)]


def test_both_splits_of_vqa(tmp_path: Path) -> None:
    for split in ("train2014", "val2014"):
        write_vqa(tmp_path / "vqa", split=split)
    done = prepare(tmp_path / "vqa", tmp_path / "out")
    assert list(done.splits) == ["train2014", "val2014"]
    assert len(open_dataset(tmp_path / "out", "val2014")) == len(ASKED)
    with pytest.raises(DatasetError, match="has no split 'test'; it has train2014, val2014"):
        open_dataset(tmp_path / "out", "test")
    with pytest.raises(DatasetError, match="has the splits train2014, val2014 already"):
        prepare(tmp_path / "vqa", tmp_path / "out", holdout=0.5)


def test_photos_are_held_out_with_all_their_questions(tmp_path: Path) -> None:
    write_easy_vqa(tmp_path / "train", photos=20)
    done = prepare(tmp_path / "train", tmp_path / "out", holdout=0.1, seed=3)
    assert done.splits == {
        "train": {"questions": 54, "images": 18},
        "val": {"questions": 6, "images": 2},
    }
    train, val = (open_dataset(tmp_path / "out", split) for split in ("train", "val"))
    assert not set(train.image_ids) & set(val.image_ids)
    assert sorted(train.question_ids + val.question_ids) == list(range(60))
    assert set(val.image_ids) == held_out(list(range(20)), 0.1, 3)


@pytest.mark.parametrize("holdout", [-0.1, 1.0, 0.01, 0.99])
def test_shares_that_leave_nothing(tmp_path: Path, holdout: float) -> None:
    write_easy_vqa(tmp_path / "train")
    with pytest.raises(DatasetError, match=r"holdout is|too few photos"):
        prepare(tmp_path / "train", tmp_path / "out", holdout=holdout)


def test_photos_that_lie_elsewhere(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    (tmp_path / "vqa/train2014").rename(tmp_path / "pictures")
    prepare(tmp_path / "vqa", tmp_path / "out", photos=tmp_path / "pictures")
    assert all(path.is_file() for path in photo_paths(open_dataset(tmp_path / "out", "train2014")))


def test_both_folders_can_be_moved_together(tmp_path: Path) -> None:
    write_vqa(tmp_path / "here/vqa")
    prepare(tmp_path / "here/vqa", tmp_path / "here/out")
    (tmp_path / "here").rename(tmp_path / "there")
    assert all(path.is_file() for path in photo_paths(open_dataset(tmp_path / "there/out", "train2014")))


def test_bad_entries_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    questions, annotations = write_vqa(tmp_path / "vqa")
    data = json.loads(questions.read_text())
    data["questions"].append(data["questions"][0])
    questions.write_text(json.dumps(data))
    data = json.loads(annotations.read_text())
    data["annotations"] = [row for row in data["annotations"] if row["question_id"] != 9001]
    annotations.write_text(json.dumps(data))
    (tmp_path / "vqa/train2014/COCO_train2014_000000000025.jpg").unlink()
    with pytest.raises(DatasetError, match="--skip-bad"):
        prepare(tmp_path / "vqa", tmp_path / "out")
    done = prepare(tmp_path / "vqa", tmp_path / "out", skip_bad=True)
    assert done.skipped == {"missing annotation": 1, "unknown image": 1, "duplicate question id": 1}
    assert open_dataset(tmp_path / "out", "train2014").question_ids == [9000, 30003, 30004]


def test_a_failed_preparation_leaves_all_as_it_was(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    prepare(tmp_path / "vqa", tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "vqa/train2014/COCO_train2014_000000000025.jpg").unlink()
    with pytest.raises(DatasetError, match=r"holds no COCO"):
        prepare(tmp_path / "vqa", tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    with pytest.raises(DatasetError, match=r"holds no COCO"):
        prepare(tmp_path / "vqa", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_one_that_was_killed_is_begun_anew_and_replaces_another_s_splits(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    prepare(tmp_path / "vqa", tmp_path / "whole")
    (tmp_path / "out/.preparing").mkdir(parents=True)
    (tmp_path / "out/.preparing/questions_other.txt").write_text("half")
    prepare(tmp_path / "vqa", tmp_path / "out", holdout=0.5)
    assert len(list((tmp_path / "out").glob("*_val*"))) == 6
    prepare(tmp_path / "vqa", tmp_path / "out")
    names = [sorted(path.name for path in (tmp_path / one).iterdir()) for one in ("out", "whole")]
    assert names[0] == names[1]


def test_files_that_it_did_not_prepare_stay(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    own = [tmp_path / "out" / name for name in ("questions_mine.txt", "images_mine.txt")]
    (tmp_path / "out").mkdir()
    for path in own:
        path.write_text("mine")
    for holdout in (0.5, 0.0):
        prepare(tmp_path / "vqa", tmp_path / "out", holdout=holdout)
        assert [path.read_text() for path in own] == ["mine", "mine"]
    assert list((tmp_path / "out").glob("*_val*")) == []
    (tmp_path / "out/prepared.json").write_text("{")
    prepare(tmp_path / "vqa", tmp_path / "out")
    assert len(open_dataset(tmp_path / "out", "train2014")) == len(ASKED)


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("all of it")
    with pytest.raises(DatasetError, match="holds something else"):
        prepare(tmp_path / "vqa", tmp_path / "mine")
    with pytest.raises(DatasetError, match="is a file"):
        prepare(tmp_path / "vqa", tmp_path / "mine/thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("key", ["questions", "ids", "images", "modal", "all"])
def test_files_out_of_step_are_noticed(tmp_path: Path, key: str) -> None:
    write_vqa(tmp_path / "vqa")
    prepare(tmp_path / "vqa", tmp_path / "out")
    path = tmp_path / "out" / file_names("train2014")[key]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(DatasetError, match=rf"out of step.*{path.name} has 4"):
        open_dataset(tmp_path / "out", "train2014")


def test_a_swapped_line_is_noticed(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    prepare(tmp_path / "vqa", tmp_path / "out")
    path = tmp_path / "out/questions_id_train2014.txt"
    path.write_text("\n".join(path.read_text().split()[::-1]) + "\n")
    with pytest.raises(DatasetError, match=r"line 1 is broken: question id 9000 beside 30004"):
        open_dataset(tmp_path / "out", "train2014")


def test_a_newer_folder_is_refused(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa")
    prepare(tmp_path / "vqa", tmp_path / "out")
    path = tmp_path / "out/prepared.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(DatasetError, match="has schema 2, not 1"):
        open_dataset(tmp_path / "out", "train2014")
