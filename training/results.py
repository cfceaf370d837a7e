"""Scores anybody's results file in the official form, [{"question_id": 1, "answer": "yes"}, ...], with no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .datasets.dataset import Dataset
from .datasets.json_stream import entries
from .datasets.reading import read_records
from .datasets.source import Source
from .errors import DatasetError
from .metric import vqa_accuracy
from .scores import score_answers


@dataclass(frozen=True, kw_only=True)
class ScoredResults:
    """Figures as `score_answers` gives them, and each question's official accuracy, 0 to 100."""

    figures: dict[str, Any]
    per_question: dict[int, float]


def score_results(results: Path, questions: Path, annotations: Path) -> ScoredResults:
    """Score a results file against VQA questions and annotations; the files are not changed.

    Every question must have one answer. Raises DatasetError naming the file and the entry.
    """
    source = Source(
        name="vqa",
        split="results",
        questions=questions,
        annotations=annotations,
        photos=None,
        photo_pattern="",
    )
    dataset = Dataset(name="vqa", split="results", photos=None, photo_pattern="").extend(read_records(source))
    found = read_results(results)
    missing = [question_id for question_id in dataset.question_ids if question_id not in found]
    if missing:
        raise DatasetError(
            f"{results} has no answer to {len(missing)} of the {len(dataset)} questions in {questions}, the first of "
            f"them {missing[0]}. The official metric wants them all; give an empty answer where there is none."
        )
    unasked = found.keys() - set(dataset.question_ids)
    if unasked:
        raise DatasetError(f"{results} answers question {min(unasked)}, which is not in {questions}.")
    answers = [found[question_id] for question_id in dataset.question_ids]
    per_question = {
        question_id: round(100 * vqa_accuracy(answer, everybody), 2)
        for question_id, answer, everybody in zip(
            dataset.question_ids, answers, dataset.answers_all, strict=True
        )
    }
    return ScoredResults(figures=score_answers(dataset, answers), per_question=per_question)


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
