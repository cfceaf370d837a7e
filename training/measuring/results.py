"""Results files in the official forms, written from a model's answers, or anybody's scored with no model.

VQA: [{"question_id": 1, "answer": "yes"}, ...]. VizWiz: [{"image": "VizWiz_val_00000000.jpg", "answer": "yes",
"answerable": 0.9}, ...], where an entry has what its task asks for: the answer, the probability that there is one, or
both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Dataset
from ..datasets.json_stream import entries
from ..datasets.records import read_records
from ..datasets.source import Source, find_sources
from ..errors import DatasetError
from .evaluate import Predictions
from .scores import accuracies, score_answerability, score_answers


@dataclass(frozen=True, kw_only=True)
class ScoredResults:
    """Figures as `score_answers` gives them, and each question's official accuracy, 0 to 100."""

    figures: dict[str, Any]
    per_question: dict[int, float]


def score_results(results: Path, questions: Path | None, annotations: Path) -> ScoredResults:
    """Score a results file against VQA questions and annotations, or against VizWiz's annotations alone.

    Every question must have one entry; the files are not changed. Raises DatasetError naming the file and the entry.
    """
    if questions is None:
        dataset = _vizwiz(annotations)
        answers, answerable = read_vizwiz_results(results, dataset.photo_pattern)
    else:
        dataset = _vqa(questions, annotations)
        answers, answerable = read_results(results), {}
    figures: dict[str, Any] = {"count": len(dataset)}
    per_question: dict[int, float] = {}
    if answers or not answerable:
        _check_asked(results, questions or annotations, dataset, answers)
        said = [answers[question_id] for question_id in dataset.question_ids]
        figures = score_answers(dataset, said)
        per_question = each_accuracy(dataset, said)
    if answerable:
        _check_asked(results, annotations, dataset, answerable)
        told = np.array([answerable[question_id] for question_id in dataset.question_ids])
        figures |= score_answerability(dataset, 1.0 - told)
    return ScoredResults(figures=figures, per_question=per_question)


def each_accuracy(dataset: Dataset, answers: list[str]) -> dict[int, float]:
    """By question id, 0 to 100, to two places as the official program has it."""
    scored = accuracies(dataset, answers).tolist()
    return {
        question_id: round(100 * accuracy, 2)
        for question_id, accuracy in zip(dataset.question_ids, scored, strict=True)
    }


def write_results(path: Path, dataset: Dataset, predictions: Predictions) -> None:
    """Write a model's answers in the official form of the data set, in the order of its questions."""
    rows: list[dict[str, Any]]
    if dataset.name == "vizwiz":
        rows = [
            {"image": dataset.photo_pattern.format(image_id=image_id), "answer": answer}
            for image_id, answer in zip(dataset.image_ids, predictions.answers, strict=True)
        ]
        if predictions.unanswerable is not None:
            for row, probability in zip(rows, predictions.unanswerable.tolist(), strict=True):
                row["answerable"] = round(1.0 - probability, 6)
    else:
        rows = [
            {"question_id": question_id, "answer": answer}
            for question_id, answer in zip(dataset.question_ids, predictions.answers, strict=True)
        ]
    path.write_text(json.dumps(rows, ensure_ascii=False) + "\n", encoding="utf-8")


def read_results(path: Path) -> dict[int, str]:
    """Answers by question id. Raises DatasetError for an entry that is broken or comes twice."""
    found: dict[int, str] = {}
    for place, entry in enumerate(entries(path)):
        match entry:
            case {"question_id": int(question_id), "answer": str(answer)} if question_id not in found:
                found[question_id] = answer
            case {"question_id": int(question_id), "answer": str()}:
                raise DatasetError(f"{path}: question id {question_id} comes twice, again as entry {place}.")
            case _:
                raise DatasetError(
                    f'{path}: entry {place} is {entry!r:.80}; {{"question_id": 1, "answer": "yes"}} is the form.'
                )
    return found


def read_vizwiz_results(path: Path, photo_pattern: str) -> tuple[dict[int, str], dict[int, float]]:
    """Answers, and probabilities that there is one, by photo number. Raises DatasetError as `read_results` does."""
    answers: dict[int, str] = {}
    answerable: dict[int, float] = {}
    seen: set[int] = set()
    number_of = _numbers(photo_pattern)
    for place, entry in enumerate(entries(path)):
        match entry:
            case {"image": str(image)} if "answer" in entry or "answerable" in entry:
                number = number_of(image)
            case _:
                number = None
        answer, share = (
            (entry.get("answer"), entry.get("answerable")) if isinstance(entry, dict) else (0, None)
        )
        if number is None or not isinstance(answer, str | None) or not _is_share(share):
            raise DatasetError(
                f'{path}: entry {place} is {entry!r:.80}; {{"image": "{photo_pattern.format(image_id=0)}", '
                '"answer": "yes", "answerable": 0.9} is the form, of which either may be missing.'
            )
        if number in seen:
            raise DatasetError(f"{path}: {entry['image']} comes twice, again as entry {place}.")
        seen.add(number)
        if answer is not None:
            answers[number] = answer
        if share is not None:
            answerable[number] = float(share)
    return answers, answerable


def _is_share(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and 0 <= value <= 1)


def _numbers(photo_pattern: str) -> Callable[[str], int | None]:
    """From a photo's name to its number; None where the name is of another form."""

    def number(image: str) -> int | None:
        digits = "".join(filter(str.isdecimal, image.rpartition("_")[2]))
        found = int(digits) if digits else -1
        return found if photo_pattern.format(image_id=found) == image else None

    return number


def _vqa(questions: Path, annotations: Path) -> Dataset:
    source = Source(
        name="vqa",
        split="results",
        questions=questions,
        annotations=annotations,
        photos=None,
        photo_pattern="",
    )
    return Dataset(name="vqa", split="results", photos=None, photo_pattern="").extend(read_records(source))


def _vizwiz(annotations: Path) -> Dataset:
    sources = [source for source in find_sources(annotations) if source.name == "vizwiz"]
    if not sources:
        raise DatasetError(f"{annotations} is not VizWiz's; for VQA, give --questions too.")
    source = sources[0]
    dataset = Dataset(name="vizwiz", split=source.split, photos=None, photo_pattern=source.photo_pattern)
    return dataset.extend(read_records(replace(source, photos=None)))


def _check_asked(results: Path, asked: Path, dataset: Dataset, found: Mapping[int, object]) -> None:
    missing = [question_id for question_id in dataset.question_ids if question_id not in found]
    if missing:
        raise DatasetError(
            f"{results} has no answer to {len(missing)} of the {len(dataset)} questions in {asked}, the first of "
            f"them {missing[0]}. The official metric wants them all; give an empty answer where there is none."
        )
    unasked = found.keys() - set(dataset.question_ids)
    if unasked:
        raise DatasetError(f"{results} answers question {min(unasked)}, which is not in {asked}.")
