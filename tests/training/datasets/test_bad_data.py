"""Data that cannot end well: what a later step would refuse is refused, or counted, when it is prepared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vqa_files import ASKED, write_easy_vqa, write_vizwiz, write_vqa

from asksight.training.datasets import DatasetError, open_dataset
from asksight.training.datasets.prepare import prepare


def edit(path: Path, kind: str, change: Callable[[list[Any]], object]) -> None:
    data = json.loads(path.read_text())
    change(data[kind])
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("text", ["", " \t "])
def test_empty_questions_and_answers(tmp_path: Path, text: str) -> None:
    questions, annotations = write_vqa(tmp_path / "vqa")
    edit(questions, "questions", lambda rows: rows[0].update(question=text))
    empty = {"multiple_choice_answer": text, "answers": [{"answer": text}] * 10}
    edit(annotations, "annotations", lambda rows: rows[0].update(empty))
    with pytest.raises(DatasetError, match=r"2 entries are bad \(1 empty question, 1 empty answer\)"):
        prepare(tmp_path / "vqa", tmp_path / "out")
    done = prepare(tmp_path / "vqa", tmp_path / "out", skip_bad=True)
    assert done.skipped == {"empty question": 1, "empty answer": 1}


def test_the_commonest_answer_that_says_anything(tmp_path: Path) -> None:
    _, annotations = write_vqa(tmp_path)
    said = [{"answer": ""}] * 7 + [{"answer": "cat"}] * 3
    edit(annotations, "annotations", lambda rows: rows[-1].update(multiple_choice_answer="", answers=said))
    dataset = open_dataset(tmp_path, "train2014")
    assert dataset.answers_modal[0] == "cat"
    assert dataset.answers_all[0] == ("",) * 7 + ("cat",) * 3  # the official metric counts those, too


def test_no_answer_at_all_in_easy_vqa(tmp_path: Path) -> None:
    write_easy_vqa(tmp_path / "train")
    path = tmp_path / "train/questions.json"
    path.write_text(
        json.dumps([[question, "", image] for question, _, image in json.loads(path.read_text())])
    )
    with pytest.raises(DatasetError, match=r"18 entries are bad \(18 empty answer\).* And 15 more"):
        prepare(tmp_path / "train", tmp_path / "out")
    with pytest.raises(
        DatasetError, match=r"train of .* no question that can be used; left out were: 18 empty"
    ):
        prepare(tmp_path / "train", tmp_path / "out", skip_bad=True)
    assert not (tmp_path / "out/prepared.json").exists()


OTHER_FORMS: dict[str, Callable[[dict[str, Any]], object]] = {
    "texts": lambda row: row.update(answers=[one["answer"] for one in row["answers"]]),
    "one for all": lambda row: row.pop("answers"),
    "ids as text": lambda row: row.update(question_id=str(row["question_id"]), image_id=str(row["image_id"])),
    "ids as floats": lambda row: row.update(question_id=float(row["question_id"])),
}


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_other_forms_that_can_mean_one_thing_only(
    tmp_path: Path, form: Callable[[dict[str, Any]], object]
) -> None:
    _, annotations = write_vqa(tmp_path)
    edit(annotations, "annotations", lambda rows: [form(row) for row in rows])
    dataset = open_dataset(tmp_path, "train2014")
    assert dataset.question_ids == [9000, 9001, 25002, 30003, 30004]
    assert dataset.answers_modal == ["red", "4", "yes", "cat", "no"]


def test_numbers_as_answers(tmp_path: Path) -> None:
    _, annotations = write_vqa(tmp_path)
    edit(annotations, "annotations", lambda rows: rows[3].update(answers=[{"answer": 4}] * 9 + [5]))
    assert open_dataset(tmp_path, "train2014").answers_all[1] == ("4",) * 9 + ("5",)
    edit(annotations, "annotations", lambda rows: rows[3].update(answers=[None]))
    with pytest.raises(DatasetError, match=r"entry 3: 'answer' is None, not text\. Correct it"):
        open_dataset(tmp_path, "train2014")


def test_photos_that_are_not_there(tmp_path: Path) -> None:
    """No folder at all, and a folder with other names: the first missing file and where it was looked for."""
    write_vqa(tmp_path / "vqa", photos=False)
    with pytest.raises(
        DatasetError, match=r"such as COCO_train2014_000000000009\.jpg: there is no folder .*/vqa/train2014,"
    ):
        prepare(tmp_path / "vqa", tmp_path / "out")
    (tmp_path / "vqa/train2014").mkdir()
    with pytest.raises(
        DatasetError, match=r"vqa/train2014 holds no COCO_train2014_000000000009\.jpg.* And 2 more"
    ):
        prepare(tmp_path / "vqa", tmp_path / "out")
    done = prepare(tmp_path / "vqa", tmp_path / "out", without_photos=True)
    assert done.splits == {"train2014": {"questions": 5, "images": 3}}
    with pytest.raises(DatasetError, match="has no photos"):
        open_dataset(tmp_path / "out", "train2014").photo(9)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\xff\xd8\xff\xe0cut"])
def test_corrupt_photos_are_named_together_or_counted(tmp_path: Path, content: bytes) -> None:
    write_vqa(tmp_path / "vqa")
    for number in (9, 30):
        (tmp_path / f"vqa/train2014/COCO_train2014_{number:012d}.jpg").write_bytes(content)
    with pytest.raises(DatasetError, match=r"2 entries are bad \(2 bad photo\).*000009\.jpg.*000030\.jpg"):
        prepare(tmp_path / "vqa", tmp_path / "out")
    done = prepare(tmp_path / "vqa", tmp_path / "out", skip_bad=True)
    assert done.skipped == {"bad photo": 2}
    assert open_dataset(tmp_path / "out", "train2014").question_ids == [25002]


def test_questions_without_answers(tmp_path: Path) -> None:
    """A test split alone; beside splits with answers, its file has to be named."""
    _, annotations = write_vqa(tmp_path / "vqa", split="test2015")
    annotations.unlink()
    done = prepare(tmp_path / "vqa", tmp_path / "out")
    assert (done.splits, done.unanswered) == ({"test2015": {"questions": 5, "images": 3}}, ["test2015"])
    dataset = open_dataset(tmp_path / "out", "test2015")
    assert list(dataset) == list(open_dataset(tmp_path / "vqa", "test2015"))
    assert (dataset.answered, dataset.answers_all[0], dataset.answers_modal) == (False, (), [""] * len(ASKED))


def test_vizwiz_questions_without_answers(tmp_path: Path) -> None:
    write_vizwiz(tmp_path)
    path = write_vizwiz(tmp_path, split="test")
    assert prepare(tmp_path, tmp_path / "out").unanswered == []
    assert prepare(path, tmp_path / "test-out").unanswered == ["test"]
    assert len(open_dataset(tmp_path / "test-out", "test")) == 3


def test_a_broken_annotation_is_counted_once(tmp_path: Path) -> None:
    _, annotations = write_vqa(tmp_path / "vqa")
    edit(annotations, "annotations", lambda rows: rows[0].update(answers=[]))
    assert prepare(tmp_path / "vqa", tmp_path / "out", skip_bad=True).skipped == {"broken entry": 1}


ODD_ENTRIES: dict[str, tuple[Callable[[list[Any]], object], str]] = {
    "a number": (lambda rows: rows.append(7), "it is 7, not an object"),
    "a text": (lambda rows: rows.append("image"), "it is 'image', not an object"),
    "a list": (lambda rows: rows.append([1, 2]), r"it is \[1, 2\], not an object"),
    "nothing": (lambda rows: rows.append(None), "it is None, not an object"),
    "a photo that is a list": (
        lambda rows: rows[0].update(image_id=[3]),
        r"'image_id' is \[3\], not",
    ),
}


@pytest.mark.parametrize(("damage", "message"), ODD_ENTRIES.values(), ids=ODD_ENTRIES)
@pytest.mark.parametrize("among", ["questions", "annotations"])
def test_an_entry_that_is_none_is_told_as_what_it_is(
    tmp_path: Path, among: str, damage: Callable[[list[Any]], object], message: str
) -> None:
    questions, annotations = write_vqa(tmp_path / "vqa", photos=False)
    edit(questions if among == "questions" else annotations, among, damage)
    with pytest.raises(DatasetError, match=message) as refused:
        open_dataset(tmp_path / "vqa", "train2014")
    assert "subscriptable" not in str(refused.value)


@pytest.mark.parametrize("answers", ["red", 3, None, {"answer": "red"}])
def test_answers_that_are_no_list_are_not_taken_for_one(tmp_path: Path, answers: object) -> None:
    """The letters of a text would be answers."""
    _, annotations = write_vqa(tmp_path / "vqa", photos=False)
    edit(annotations, "annotations", lambda rows: rows[0].update(answers=answers))
    with pytest.raises(DatasetError, match=r"'answers' is .*, not a list"):
        open_dataset(tmp_path / "vqa", "train2014")


def test_vizwiz_entries_that_are_none(tmp_path: Path) -> None:
    path = write_vizwiz(tmp_path)
    path.write_text(json.dumps([*json.loads(path.read_text()), "VizWiz_train_00000018.jpg"]))
    with pytest.raises(DatasetError, match=r"it is 'VizWiz_train_00000018\.jpg', not an object"):
        open_dataset(tmp_path, "train")
