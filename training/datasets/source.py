"""Which data sets lie in a folder, found out by looking into the files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .json_stream import JsonStream, head, open_text

# As in v2_OpenEnded_mscoco_train2014_questions.json, and v2_mscoco_train2014_annotations.json
_NAMES = re.compile(
    r"(?P<version>v2_)?(?P<task>OpenEnded_|MultipleChoice_)?(?P<type>[A-Za-z0-9_]+?)_"
    r"(?P<split>[A-Za-z0-9\-]+)_(?P<kind>questions|annotations)\.json"
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One split as it lies on disk."""

    name: str  # "vqa", "easy-vqa" or "vizwiz"
    split: str
    questions: Path
    annotations: Path | None  # easy-VQA and VizWiz have their answers beside the questions
    photos: Path | None
    photo_pattern: str
    answered: bool = True  # the answers of test splits are not published
    looked: tuple[Path, ...] = ()  # the folders that might have been that of the photos


def find_sources(where: Path, *, photos: Path | None = None) -> list[Source]:
    """All splits under `where`, a folder or one questions file.

    Questions without answers, a test split, are taken where `where` holds nothing else.

    Raises DatasetError where there is none, naming what was looked for.
    """
    if not where.exists():
        raise DatasetError(f"{where} is not there.")
    if photos is not None and not photos.is_dir():
        raise DatasetError(f"{photos} is no folder of photos.")
    files = [where] if where.is_file() else sorted(where.glob("*.json"))
    if not files:  # easy-VQA lies in train/ and test/
        files = sorted(where.glob("*/questions.json"))
    found = list(_lists(files, photos))
    found += _vqa(where, photos)
    found = [source for source in found if source.answered] or found
    if not found:
        raise DatasetError(_no_data_set(where))
    for source in found:
        if not re.fullmatch(r"[\w\-]+", source.split):  # it becomes part of file names
            raise DatasetError(
                f"{source.questions} is of a split called {source.split!r}; letters, digits, _ and - are allowed."
            )
    return found


def _no_data_set(where: Path) -> str:
    """What to say of a place that holds none; a file of the wrong kind is called by its kind."""
    if where.is_file() and _top(where) == "{":
        seen, kind = head(where, stop_at=("questions", "annotations"))
        if kind == "annotations":
            return f"{where} holds annotations; name the questions file that goes with it, or their folder."
        if kind == "questions" and seen.get("task_type", "Open-Ended") != "Open-Ended":
            return f"{where} is of the task {seen['task_type']}; name the Open-Ended questions file."
        if kind == "questions":
            return f"There is no annotations JSON of the same split and version beside {where}."
    return (
        f"{where} holds no data set that is known: VQA (a questions and an annotations JSON), VizWiz (train.json or "
        "val.json, a list of image, question and answers) or easy-VQA (questions.json, a list of [question, answer, "
        "image index], beside images/)."
    )


def _top(path: Path) -> str:
    with open_text(path) as file:
        return JsonStream(file, path).peek()


def _lists(files: list[Path], photos: Path | None) -> Iterator[Source]:
    """The files that are one list: which data set each is shows in its first entry."""
    for path in files:
        if _top(path) != "[":
            continue
        with open_text(path) as file:
            first: Any = next(JsonStream(file, path).entries(), None)
        if isinstance(first, list) and [type(part) for part in first] == [str, str, int]:
            yield _easy_vqa(path, photos)
        elif isinstance(first, dict) and {"image", "question"} <= first.keys():
            yield _vizwiz(path, first["image"], photos, answered="answers" in first)


def _easy_vqa(path: Path, photos: Path | None) -> Source:
    folder = photos or path.parent / "images"
    return Source(
        name="easy-vqa",
        split=path.resolve().parent.name,
        questions=path,
        annotations=None,
        photos=folder if folder.is_dir() else None,
        photo_pattern="{image_id}.png",
        looked=(folder,),
    )


def _vizwiz(path: Path, image: Any, photos: Path | None, *, answered: bool) -> Source:
    """train.json and val.json; the photos lie in folders of these names, as in VizWiz_train_00000000.jpg."""
    named = re.fullmatch(r"([\w\-]*?)(\d+)(\.\w+)", image) if isinstance(image, str) else None
    if named is None:
        raise DatasetError(
            f"{path}: entry 0 is about image {image!r:.80}; VizWiz_train_00000000.jpg is the form."
        )
    prefix, digits, suffix = named.groups()
    names = (".", "images", "Images", "..", "../images", "../Images")
    return Source(
        name="vizwiz",
        split=path.stem,
        questions=path,
        annotations=None,
        photos=_inside(photos, path.stem) or _first_folder(_places(path.parent, names, path.stem)),
        photo_pattern=f"{prefix}{{image_id:0{len(digits)}d}}{suffix}",
        answered=answered,
        looked=_places(path.parent, names, path.stem),
    )


@dataclass(frozen=True, kw_only=True)
class _VqaFile:
    path: Path
    kind: str  # "questions" or "annotations"
    split: str
    type: str  # "mscoco", "abstract_v002", "scenes"
    second: bool  # VQA v2, which has the same splits as v1


def _vqa_files(files: list[Path]) -> Iterator[_VqaFile]:
    """Open-ended questions and annotations files; the split is read from within where it stands there."""
    for path in files:
        if _top(path) != "{":
            continue
        seen, kind = head(path, stop_at=("questions", "annotations"))
        named = _NAMES.fullmatch(path.name)
        multiple = named is not None and named["task"] == "MultipleChoice_"
        if kind is None or multiple or seen.get("task_type", "Open-Ended") != "Open-Ended":
            continue
        split = seen.get("data_subtype") or (named["split"] if named else path.stem)
        data_type = seen.get("data_type") or (named["type"] if named else "mscoco")
        yield _VqaFile(
            path=path, kind=kind, split=str(split), type=str(data_type), second=path.name.startswith("v2_")
        )


def _vqa(where: Path, photos: Path | None) -> Iterator[Source]:
    folder = where.parent if where.is_file() else where  # the annotations lie beside the questions
    files = list(_vqa_files(sorted(folder.glob("*.json"))))
    asked = [file for file in files if file.kind == "questions" and (file.path == where or where.is_dir())]
    for questions in asked:
        answers = [
            file
            for file in files
            if (file.kind, file.split, file.second) == ("annotations", questions.split, questions.second)
        ]
        _only(questions.split, [file for file in asked if file.split == questions.split])
        _only(questions.split, answers)
        if not answers and questions.split.startswith("train"):
            continue  # its annotations are missing: nobody publishes questions to learn from without them
        places = _photo_folders(questions)
        yield Source(
            name="vqa",
            split=questions.split,
            questions=questions.path,
            annotations=answers[0].path if answers else None,
            photos=_inside(photos, questions.split) or _first_folder(places),
            photo_pattern=_photo_pattern(questions.type, questions.split),
            answered=bool(answers),
            looked=places,
        )


def _only(split: str, files: list[_VqaFile]) -> None:
    if len(files) > 1:
        raise DatasetError(
            f"Several files are for the split {split}: {', '.join(str(file.path) for file in files)}. "
            "Name one questions file instead of the folder, or move the others away."
        )


def _photo_pattern(data_type: str, split: str) -> str:
    if data_type == "mscoco":
        return f"COCO_{split}_{{image_id:012d}}.jpg"
    if data_type.startswith("abstract"):
        return f"{data_type}_{split}_{{image_id:015d}}.png"
    return f"{data_type}_{split}_{{image_id:012d}}.jpg"


def _photo_folders(questions: _VqaFile) -> tuple[Path, ...]:
    """The places where people put a split's photos."""
    names = (".", "images", "Images", f"Images/{questions.type}", f"../Images/{questions.type}")
    return _places(questions.path.parent, names, questions.split)


def _inside(photos: Path | None, split: str) -> Path | None:
    """`photos`, or its folder named after the split."""
    return photos if photos is None or not (photos / split).is_dir() else photos / split


def _places(parent: Path, names: Sequence[str], split: str) -> tuple[Path, ...]:
    return tuple(parent / name / split for name in names)


def _first_folder(places: Sequence[Path]) -> Path | None:
    return next((place for place in places if place.is_dir()), None)
