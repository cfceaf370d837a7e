"""The prepared folder: the tutorial's five text files a split, line i of each belonging together.

Beside them `answers_<split>_all.jsonl` (everybody's answers and the types) and `prepared.json` (counts,
and where the photos are). prepared.json is written last, so a folder that has it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from asksight.ext import WordTable

from ..errors import DatasetError
from .dataset import Dataset, Record

MANIFEST = "prepared.json"
SCHEMA = 1
_CHUNK = 4096  # questions whose tokens are counted at a time


def file_names(split: str) -> dict[str, str]:
    """What each file of a split is called."""
    return {
        "questions": f"questions_{split}.txt",
        "lengths": f"questions_lengths_{split}.txt",
        "ids": f"questions_id_{split}.txt",
        "images": f"images_{split}.txt",
        "modal": f"answers_{split}_modal.txt",
        "all": f"answers_{split}_all.jsonl",
    }


def write_split(
    out: Path,
    split: str,
    records: Iterable[Record],
    progress: Callable[[int], None] = lambda written: None,
) -> dict[str, int]:
    """Write the files of one split; give its counts.

    `progress` is told how many questions were just written.
    """
    tokens = WordTable(["<unknown 0>"], np.zeros((1, 1), np.float32), unknown_rows=1)
    written, images = 0, set[int]()
    with ExitStack() as stack:
        files = {
            key: stack.enter_context((out / name).open("w", encoding="utf-8", newline="\n"))
            for key, name in file_names(split).items()
        }
        for chunk in _chunks(records):
            questions = [record.question for record in chunk]
            columns: dict[str, Iterable[Any]] = {
                "questions": questions,
                "lengths": tokens.token_counts(questions).tolist(),
                "ids": [record.question_id for record in chunk],
                "images": [record.image_id for record in chunk],
                "modal": [record.modal for record in chunk],
                "all": [_all_answers(record) for record in chunk],
            }
            for key, column in columns.items():
                files[key].writelines(f"{entry}\n" for entry in column)
            written += len(chunk)
            images.update(record.image_id for record in chunk)
            progress(len(chunk))
    return {"questions": written, "images": len(images)}


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    rest = iter(records)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _all_answers(record: Record) -> str:
    told: dict[str, Any] = {
        "question_id": record.question_id,
        "question_type": record.question_type,
        "answer_type": record.answer_type,
        "answers": record.answers,
    }
    return json.dumps(told if record.answerable is None else told | {"answerable": record.answerable})


def write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    """Mark the folder as whole."""
    text = json.dumps({"format": "asksight prepared data set", "schema": SCHEMA} | manifest, indent=2)
    (out / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What prepared.json says. Raises DatasetError where it is broken or newer than this program."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        schema, splits = manifest["schema"], manifest["splits"]
        if not isinstance(splits, dict):
            raise TypeError("splits")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} is broken ({error}); prepare the data set again.") from error
    if schema != SCHEMA:
        raise DatasetError(f"{path} has schema {schema}, not {SCHEMA}; prepare the data set again.")
    return manifest  # type: ignore[no-any-return]


def read_prepared(folder: Path, split: str) -> Dataset:
    """One split of a prepared folder. Raises DatasetError where files are missing or out of step."""
    manifest = read_manifest(folder)
    about = manifest["splits"].get(split)
    if about is None:
        raise DatasetError(f"{folder} has no split {split!r}; it has {', '.join(manifest['splits'])}.")
    names = file_names(split)
    lines = {key: _lines(folder / name) for key, name in names.items() if key != "lengths"}
    counts = {names[key]: len(column) for key, column in lines.items()}
    if len(set(counts.values())) != 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise DatasetError(f"The files of split {split} in {folder} are out of step, in lines: {told}.")
    photos = about.get("photos")
    dataset = Dataset(
        name=manifest["source_format"],
        split=split,
        photos=None if photos is None else folder / photos,
        photo_pattern=about["photo_pattern"],
    )
    return dataset.extend(_records(folder / names["all"], lines))


def _records(path: Path, lines: dict[str, list[str]]) -> Iterator[Record]:
    rows = zip(lines["ids"], lines["images"], lines["questions"], lines["modal"], lines["all"], strict=True)
    for number, (question_id, image_id, question, best, everybody) in enumerate(rows, start=1):
        try:
            told = json.loads(everybody)
            ids = int(question_id), int(image_id)
            if told["question_id"] != ids[0]:
                raise ValueError(f"question id {told['question_id']} beside {question_id} in the other file")
            yield Record(
                question_id=ids[0],
                image_id=ids[1],
                question=question,
                answers=tuple(told["answers"]),
                modal=best,
                question_type=told["question_type"],
                answer_type=told["answer_type"],
                answerable=told.get("answerable"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}: line {number} is broken: {error}.") from error


def _lines(path: Path) -> list[str]:
    """The lines of a file, cut at newlines only: other characters that Python takes for breaks stay."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}. Prepare the data set again.") from error
    return text.removesuffix("\n").split("\n") if text else []
