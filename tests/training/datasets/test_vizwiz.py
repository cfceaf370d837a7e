"""VizWiz: one list with ten answers each, and whether the photo holds the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vqa_files import photo_paths, write_vizwiz

from asksight.training.datasets import DatasetError, open_dataset
from asksight.training.datasets.prepare import prepare


def test_it_is_known_by_its_entries(tmp_path: Path) -> None:
    write_vizwiz(tmp_path)
    write_vizwiz(tmp_path, split="val")
    write_vizwiz(tmp_path, split="test")
    dataset = open_dataset(tmp_path, "train")
    assert (dataset.name, dataset.question_ids, dataset.image_ids) == ("vizwiz", [0, 3, 17], [0, 3, 17])
    assert dataset.questions[0] == "What's the name of this product?"
    assert dataset.answers_modal == ["basil leaves", "unanswerable", "yes"]
    assert dataset.answers_all[2] == ("yes",) * 8 + ("no",) * 2
    assert dataset.answerable == [True, False, True]
    assert dataset.answer_types == ["other", "unanswerable", "other"]
    assert all(path.is_file() for path in photo_paths(dataset))
    with pytest.raises(
        DatasetError, match=r"no split 'test'; it has train, val\."
    ):  # its answers are not published
        open_dataset(tmp_path, "test")


@pytest.mark.parametrize("layout", ["Annotations", "annotations"])
def test_annotations_in_a_folder_beside_the_photos(tmp_path: Path, layout: str) -> None:
    path = write_vizwiz(tmp_path)
    (tmp_path / layout).mkdir()
    path.rename(tmp_path / layout / path.name)
    assert all(photo.is_file() for photo in photo_paths(open_dataset(tmp_path / layout, "train")))


def test_what_was_read_comes_back(tmp_path: Path) -> None:
    write_vizwiz(tmp_path / "raw")
    prepare(tmp_path / "raw", tmp_path / "out")
    raw, back = open_dataset(tmp_path / "raw", "train"), open_dataset(tmp_path / "out", "train")
    assert list(raw) == list(back)
    assert [path.resolve() for path in photo_paths(back)] == [path.resolve() for path in photo_paths(raw)]


def test_the_first_release_names_its_photos_otherwise(tmp_path: Path) -> None:
    path = write_vizwiz(tmp_path)
    path.write_text(path.read_text().replace("VizWiz_train_000", "VizWiz_v2_0000000"))
    for photo in (tmp_path / "train").iterdir():
        photo.rename(photo.with_name(photo.name.replace("VizWiz_train_000", "VizWiz_v2_0000000")))
    dataset = open_dataset(tmp_path, "train")
    assert dataset.image_ids == [0, 3, 17]
    assert photo_paths(dataset)[2].name == "VizWiz_v2_000000000017.jpg"


BROKEN: dict[str, tuple[Callable[[list[Any]], object], str, str]] = {
    "comes twice": (
        lambda rows: rows.append(rows[0]),
        r"the question about VizWiz_train_00000000\.jpg comes twice, again as entry 3",
        "duplicate question id",
    ),
    "another form": (
        lambda rows: rows[1].update(image="17.jpg"),
        r"entry 1: 'image' is '17\.jpg', not of the form VizWiz_train_00000000\.jpg",
        "broken entry",
    ),
    "no answers": (lambda rows: rows[2].pop("answers"), r"entry 2: 'answers' is missing", "broken entry"),
    "answerable": (
        lambda rows: rows[2].update(answerable="yes"),
        r"entry 2: 'answerable' is 'yes', not 0 or 1",
        "broken entry",
    ),
    "unknown image": (
        lambda rows: rows[2].update(image="VizWiz_train_00000018.jpg"),
        r"is about image 18, but .* holds no VizWiz_train_00000018\.jpg",
        "unknown image",
    ),
}


@pytest.mark.parametrize(("damage", "message", "kind"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_named_or_counted(
    tmp_path: Path, damage: Callable[[list[Any]], object], message: str, kind: str
) -> None:
    path = write_vizwiz(tmp_path / "raw")
    rows = json.loads(path.read_text())
    damage(rows)
    path.write_text(json.dumps(rows))
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / "raw", "train")
    assert prepare(tmp_path / "raw", tmp_path / "out", skip_bad=True).skipped == {kind: 1}


def test_a_photo_name_without_a_number(tmp_path: Path) -> None:
    path = write_vizwiz(tmp_path)
    path.write_text(path.read_text().replace("VizWiz_train_00000000.jpg", "cat.jpg"))
    with pytest.raises(DatasetError, match=r"entry 0 is about image 'cat\.jpg'; VizWiz_train_00000000"):
        open_dataset(tmp_path, "train")
