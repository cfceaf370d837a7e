"""Readers find out what a folder holds, and name the entry that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vqa_files import ASKED, photo_paths, write_easy_vqa, write_vqa

from asksight.training.datasets import Dataset, DatasetError, open_dataset
from asksight.training.datasets.dataset import one_line
from asksight.training.scenes.make_scenes import make_split


def check_asked(dataset: Dataset) -> None:
    assert dataset.questions == [one_line(question) for _, question, _ in ASKED]
    assert dataset.image_ids == [9, 9, 25, 30, 30]
    assert dataset.question_ids == [9000, 9001, 25002, 30003, 30004]
    assert dataset.answers_all == [tuple(answers) for _, _, answers in ASKED]
    assert dataset.answers_modal == ["red", "4", "yes", "cat", "no"]
    assert dataset.question_types[0] == "what colour"
    assert dataset.answer_types == ["other", "other", "yes/no", "other", "yes/no"]
    assert all(path.is_file() for path in photo_paths(dataset))
    assert [path.name for path in photo_paths(dataset)][2] == "COCO_train2014_000000000025.jpg"


@pytest.mark.parametrize("version", ["vqa1", "vqa2"])
def test_vqa(tmp_path: Path, version: str) -> None:
    write_vqa(tmp_path, version=version)
    check_asked(open_dataset(tmp_path, "train2014"))


def test_vqa_by_its_questions_file(tmp_path: Path) -> None:
    """With v1 beside v2 in one folder, a file says which is meant."""
    questions, _ = write_vqa(tmp_path)
    write_vqa(tmp_path, version="vqa1", asked=ASKED[:1])
    with pytest.raises(DatasetError, match=r"Several files are for the split train2014.*v2_OpenEnded"):
        open_dataset(tmp_path, "train2014")
    check_asked(open_dataset(questions, "train2014"))


def test_multiple_choice_and_test_splits_are_passed_over(tmp_path: Path) -> None:
    questions, _ = write_vqa(tmp_path)
    text = json.loads(questions.read_text())
    (tmp_path / "v2_OpenEnded_mscoco_test2015_questions.json").write_text(
        json.dumps(text | {"data_subtype": "test2015"})
    )
    (tmp_path / "MultipleChoice_mscoco_train2014_questions.json").write_text(
        json.dumps(text | {"task_type": "Multiple-Choice"})
    )
    with pytest.raises(DatasetError, match=r"no split 'test2015'; it has train2014\."):
        open_dataset(tmp_path, "test2015")
    check_asked(open_dataset(tmp_path, "train2014"))


def test_easy_vqa(tmp_path: Path) -> None:
    write_easy_vqa(tmp_path / "train")
    for folder in (tmp_path, tmp_path / "train"):
        dataset = open_dataset(folder, "train")
        assert len(dataset) == 18
        record = list(dataset)[4]
        assert (record.question_id, record.image_id, record.modal) == (4, 1, "no")
        assert record.answers == ("no",) * 10
        assert (record.question_type, record.answer_type) == ("is there", "yes/no")
        assert photo_paths(dataset)[4] == tmp_path / "train/images/1.png"


def test_scenes(tmp_path: Path) -> None:
    make_split(tmp_path, "val", pictures=3, seed=1, processes=1)
    dataset = open_dataset(tmp_path, "val")
    assert set(dataset.image_ids) == {1, 2, 3}
    assert all(path.is_file() for path in photo_paths(dataset))
    assert {len(answers) for answers in dataset.answers_all} == {10}


def test_without_photos_only_the_photos_are_missing(tmp_path: Path) -> None:
    write_vqa(tmp_path, photos=False)
    dataset = open_dataset(tmp_path, "train2014")
    assert len(dataset) == len(ASKED)
    with pytest.raises(DatasetError, match=r"has no photos.*--photos"):
        dataset.photo(9)


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\r\nb", "a\tb", "a\x0bb", "a\x85b", "a\u2028b", "a\u2029b", "a\n\n\t b".replace(" ", "")],
)
def test_a_question_stays_on_one_line(text: str) -> None:
    assert one_line(text) == "a b"


def test_half_characters_are_replaced() -> None:
    assert one_line("a\ud83db") == "a\ufffdb"
    assert one_line("🙂 é").encode() == "🙂 é".encode()


def change(kind: str, edit: Callable[[list[Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (path,) = folder.glob(f"*_{kind}.json")
        data = json.loads(path.read_text())
        edit(data[kind])
        path.write_text(json.dumps(data))

    return apply


def write_raw(name: str, text: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (path,) = folder.glob(f"*_{name}.json")
        path.write_text(text)

    return apply


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing annotation": (
        change("annotations", lambda rows: rows.pop(1)),
        r"questions\.json: question 30003 has no annotation in .*annotations\.json",
    ),
    "missing question": (
        change("questions", lambda rows: rows.pop(2)),
        r"annotations\.json: question 25002 is annotated but not in",
    ),
    "question id twice": (
        change("questions", lambda rows: rows.append(rows[0])),
        r"questions\.json: question id 9000 comes twice, again as entry 5\.",
    ),
    "annotation twice": (
        change("annotations", lambda rows: rows.append(rows[0])),
        r"annotations\.json: question id 30004 comes twice",
    ),
    "different images": (
        change("annotations", lambda rows: rows[0].update(image_id=77)),
        r"Question 30004 is about image 30 in .* but about image 77",
    ),
    "unknown image": (
        lambda folder: (folder / "train2014/COCO_train2014_000000000025.jpg").unlink(),
        r"question 25002 is about image 25, but .* holds no COCO_train2014_000000000025\.jpg",
    ),
    "no question": (
        change("questions", lambda rows: rows[3].pop("question")),
        r"questions\.json: entry 3: 'question' is missing",
    ),
    "id that is text": (
        change("questions", lambda rows: rows[3].update(question_id="seven")),
        r"entry 3: 'question_id' is 'seven', not a whole number",
    ),
    "no answers": (
        change("annotations", lambda rows: rows[0].update(answers=[])),
        r"annotations\.json: entry 0: 'answers' is empty",
    ),
    "entry of another kind": (
        change("questions", lambda rows: rows.insert(1, 5)),
        r"questions\.json: entry 1: ",
    ),
    "cut off": (
        write_raw("questions", '{"task_type": "Open-Ended", "questions": [{"question_id": 1, "ima'),
        r"questions\.json is not whole JSON: at character \d+",
    ),
    "no list": (write_raw("questions", '{"questions": 5}'), r"has no list named 'questions'"),
    "type that is no text": (
        change("annotations", lambda rows: rows[0].update(question_type=5)),
        r"annotations\.json: entry 0: 'question_type' is 5, not text",
    ),
}


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_named(tmp_path: Path, damage: Callable[[Path], Any], message: str) -> None:
    write_vqa(tmp_path)
    damage(tmp_path)
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path, "train2014")


def test_easy_vqa_entries_are_checked(tmp_path: Path) -> None:
    write_easy_vqa(tmp_path / "train")
    path = tmp_path / "train/questions.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), ["what?", 5]]))
    with pytest.raises(
        DatasetError, match=r"entry 18 is \['what\?', 5\], not \[question, answer, image index\]"
    ):
        open_dataset(tmp_path / "train", "train")


def test_a_file_of_the_wrong_kind_is_called_by_its_kind(tmp_path: Path) -> None:
    questions, annotations = write_vqa(tmp_path)
    with pytest.raises(DatasetError, match=r"annotations\.json holds annotations; name the questions file"):
        open_dataset(annotations, "train2014")
    text = json.loads(questions.read_text()) | {"task_type": "Multiple-Choice"}
    multiple = tmp_path / "MultipleChoice_mscoco_train2014_questions.json"
    multiple.write_text(json.dumps(text))
    with pytest.raises(DatasetError, match="is of the task Multiple-Choice; name the Open-Ended"):
        open_dataset(multiple, "train2014")
    annotations.unlink()
    with pytest.raises(DatasetError, match="no annotations JSON of the same split and version"):
        open_dataset(questions, "train2014")


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_folders_without_a_data_set(tmp_path: Path, where: str) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"is not there|holds no data set that is known"):
        open_dataset(tmp_path / where, "train")


def test_a_split_becomes_no_path(tmp_path: Path) -> None:
    questions, annotations = write_vqa(tmp_path)
    for path in (questions, annotations):
        path.write_text(path.read_text().replace('"train2014"', '"../x"'))
    with pytest.raises(DatasetError, match=r"split called '\.\./x'"):
        open_dataset(tmp_path, "train2014")
