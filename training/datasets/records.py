"""The questions of a source as records, each checked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .bad_entries import BadEntries
from .dataset import Record, answer_type, modal, one_line
from .json_stream import entries
from .source import Source


class _Annotation(NamedTuple):
    image_id: int
    modal: str
    answers: tuple[str, ...]
    question_type: str
    answer_type: str


_UNANSWERED = _Annotation(image_id=0, modal="", answers=(), question_type="", answer_type="")


def read_records(source: Source, problems: BadEntries | None = None) -> Iterator[Record]:
    """All questions of a source in the order of its file.

    Raises DatasetError at the end, naming the file and the first entries that are bad: a missing annotation, a question
    id that comes twice, a photo that is not there, a field that is missing, no words; or, with `problems`, leaves that
    to whoever gave them.
    """
    own = BadEntries()
    if problems is None:
        yield from read_records(source, own)
        own.check()
        return
    readers = {"easy-vqa": _easy_vqa, "vizwiz": _vizwiz, "vqa": _vqa}
    records = readers[source.name](source, problems)
    there = None if source.photos is None else {entry.name for entry in os.scandir(source.photos)}
    for record in records:
        name = source.photo_pattern.format(image_id=record.image_id)
        if empty := _empty(record, source.answered):
            problems.meet(
                f"empty {empty}", f"{source.questions}: question {record.question_id} has an empty {empty}."
            )
        elif there is None or name in there:
            yield record
        else:
            problems.meet(
                "unknown image",
                f"{source.questions}: question {record.question_id} is about image {record.image_id}, but "
                f"{source.photos} holds no {name}.",
            )


def _empty(record: Record, answered: bool) -> str:
    """What of it has no words."""
    if not record.question.strip():
        return "question"
    return "answer" if answered and not record.modal.strip() else ""


def _easy_vqa(source: Source, problems: BadEntries) -> Iterator[Record]:
    """Everybody is taken to agree, and the place in the list is the question's id."""
    for place, entry in enumerate(entries(source.questions)):
        if not (isinstance(entry, list) and [type(part) for part in entry] == [str, str, int]):
            problems.meet(
                "broken entry",
                f"{source.questions}: entry {place} is {entry!r:.80}, not [question, answer, image index].",
            )
            continue
        question, answer = one_line(entry[0]), one_line(entry[1])
        yield Record(
            question_id=place,
            image_id=entry[2],
            question=question,
            answers=(answer,) * 10,
            modal=answer,
            question_type=" ".join(question.lower().split()[:2]),
            answer_type=answer_type(answer),
        )


def _vizwiz(source: Source, problems: BadEntries) -> Iterator[Record]:
    """One question a photo, so the photo's number is the question's id."""
    seen: set[int] = set()
    for place, entry in enumerate(entries(source.questions)):
        try:
            entry = _object(entry)
            image = _text(entry, "image")
            digits = re.search(r"(\d+)\.\w+$", image)
            image_id = int(digits[1]) if digits else -1
            if source.photo_pattern.format(image_id=image_id) != image:
                form = source.photo_pattern.format(image_id=0)
                raise TypeError(f"'image' is {image!r:.80}, not of the form {form}")
            answers = _answers(entry) if source.answered else ()
            best = one_line(modal(answers))
            question = one_line(_text(entry, "question"))
            kind = (_said(entry, "answer_type") or answer_type(best)) if source.answered else ""
            answerable = entry.get("answerable")
            if answerable not in (0, 1, None):
                raise TypeError(f"'answerable' is {answerable!r:.40}, not 0 or 1")
        except (KeyError, TypeError) as error:
            problems.meet("broken entry", f"{source.questions}: entry {place}: {_what(error)}.")
            continue
        if image_id in seen:
            problems.meet(
                "duplicate question id",
                f"{source.questions}: the question about {image} comes twice, again as entry {place}.",
            )
            continue
        seen.add(image_id)
        yield Record(
            question_id=image_id,
            image_id=image_id,
            question=question,
            answers=answers,
            modal=best,
            question_type=" ".join(question.lower().split()[:2]),
            answer_type=kind,
            answerable=None if answerable is None else bool(answerable),
        )


def _vqa(source: Source, problems: BadEntries) -> Iterator[Record]:
    broken: set[int] = set()
    annotations = None
    if source.annotations is not None:
        annotations = _annotations(source.annotations, problems, broken)
    seen: set[int] = set()
    for place, entry in enumerate(entries(source.questions, "questions")):
        try:
            entry = _object(entry)
            question_id, image_id = _number(entry, "question_id"), _number(entry, "image_id")
            question = one_line(_text(entry, "question"))
        except (KeyError, TypeError) as error:
            problems.meet("broken entry", f"{source.questions}: entry {place}: {_what(error)}.")
            continue
        found: _Annotation | None = _UNANSWERED._replace(image_id=image_id)
        if annotations is not None:
            found = annotations.pop(question_id, None)
        if question_id in seen:
            problems.meet(
                "duplicate question id",
                f"{source.questions}: question id {question_id} comes twice, again as entry {place}.",
            )
        elif question_id in broken:
            pass  # it was met already
        elif found is None:
            problems.meet(
                "missing annotation",
                f"{source.questions}: question {question_id} has no annotation in {source.annotations}.",
            )
        elif found.image_id != image_id:
            problems.meet(
                "different images",
                f"Question {question_id} is about image {image_id} in {source.questions}, but about image "
                f"{found.image_id} in {source.annotations}.",
            )
        else:
            yield Record(
                question_id=question_id,
                image_id=image_id,
                question=question,
                answers=found.answers,
                modal=found.modal,
                question_type=found.question_type,
                answer_type=found.answer_type,
            )
        seen.add(question_id)
    for question_id in annotations or ():
        problems.meet(
            "missing question",
            f"{source.annotations}: question {question_id} is annotated but not in {source.questions}.",
        )


def _annotations(path: Path, problems: BadEntries, broken: set[int]) -> dict[int, _Annotation]:
    """All annotations by question id; equal strings are kept once, which is what makes VQA v2 fit.

    The ids of those that are broken go into `broken`, where they can be read.
    """
    texts: dict[str, str] = {}
    groups: dict[tuple[str, ...], tuple[str, ...]] = {}
    found: dict[int, _Annotation] = {}

    def once(text: str) -> str:
        return texts.setdefault(text, text)

    for place, entry in enumerate(entries(path, "annotations")):
        try:
            entry = _object(entry)
            question_id = _number(entry, "question_id")
            answers = tuple(once(answer) for answer in _answers(entry))
            chosen = _said(entry, "multiple_choice_answer")
            best = chosen if chosen.strip() else one_line(modal(answers))
            annotation = _Annotation(
                image_id=_number(entry, "image_id"),
                modal=once(best),
                answers=groups.setdefault(answers, answers),
                question_type=once(_said(entry, "question_type")),
                answer_type=once(_said(entry, "answer_type") or answer_type(best)),
            )
        except (KeyError, TypeError) as error:
            problems.meet("broken entry", f"{path}: entry {place}: {_what(error)}.")
            if isinstance(entry, dict) and type(entry.get("question_id")) is int:
                broken.add(entry["question_id"])
            continue
        if question_id in found:
            problems.meet(
                "duplicate question id",
                f"{path}: question id {question_id} comes twice, again as entry {place}.",
            )
            continue
        found[question_id] = annotation
    return found


def _object(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise TypeError(f"it is {entry!r:.40}, not an object")
    return entry


def _number(entry: Any, key: str) -> int:
    """A whole number, which some programs write as "7" or 7.0."""
    value = entry[key]
    if (isinstance(value, str) and re.fullmatch(r"\d{1,18}", value, re.ASCII)) or (
        isinstance(value, float) and value.is_integer()
    ):
        return int(value)
    if type(value) is not int:
        raise TypeError(f"{key!r} is {value!r:.40}, not a whole number")
    return value


def _text(entry: Any, key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        raise TypeError(f"{key!r} is {value!r:.40}, not text")
    return value


def _answers(entry: Any) -> tuple[str, ...]:
    """Everybody's answers: objects that have one each, or the texts themselves; or one on which all agree.

    A number stands for its digits.
    """
    if "answers" not in entry and "multiple_choice_answer" in entry:
        return (_text(entry, "multiple_choice_answer"),) * 10
    given = entry["answers"]
    if not isinstance(given, list):  # the letters of a text would be taken for answers
        raise TypeError(f"'answers' is {given!r:.40}, not a list")
    answers = tuple(_answer(answer) for answer in given)
    if not answers:
        raise TypeError("'answers' is empty")
    return answers


def _answer(answer: Any) -> str:
    said = answer["answer"] if isinstance(answer, dict) else answer
    return str(said) if type(said) is int else _text({"answer": said}, "answer")


def _said(entry: Any, key: str) -> str:
    """A text that may be missing, on one line."""
    return one_line(_text(entry, key)) if entry.get(key) is not None else ""


def _what(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
