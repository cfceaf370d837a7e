"""One question with its answers, and many of them in columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import DatasetError

# What some program or other takes for the end of a line; a question has to stay on its own line.
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


def one_line(text: str) -> str:
    """`text` with line breaks and tabs as blanks, and half characters (lone surrogates) as U+FFFD."""
    return _SURROGATES.sub("\ufffd", _BREAKS.sub(" ", text))


def answer_type(answer: str) -> str:
    """The answer type of an answer, for data sets that do not say: "yes/no", "number" or "other"."""
    return "yes/no" if answer in ("yes", "no") else "number" if answer.isdigit() else "other"


def modal(answers: Iterable[str]) -> str:
    """The commonest answer, of equally common ones the first; "" where nobody said anything."""
    said = Counter(answer for answer in answers if answer.strip())
    return said.most_common(1)[0][0] if said else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One question about one photo, with everybody's answers."""

    question_id: int
    image_id: int
    question: str  # on one line
    answers: tuple[str, ...]  # ten in VQA; none in a split whose answers are not published
    modal: str  # "" where there are none
    question_type: str
    answer_type: str
    answerable: bool | None = None  # VizWiz says whether the photo holds the answer; None: not said


@dataclass(kw_only=True)
class Dataset:
    """One split in columns: row i of every list belongs to question i. Read-only once it is filled."""

    name: str  # as in "vqa", "easy-vqa", "vizwiz"
    split: str
    photos: Path | None  # the folder of the photos; None where only features are to be had
    photo_pattern: str  # as in "COCO_train2014_{image_id:012d}.jpg"
    question_ids: list[int] = field(default_factory=list)
    image_ids: list[int] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers_modal: list[str] = field(default_factory=list)
    answers_all: list[tuple[str, ...]] = field(default_factory=list)
    question_types: list[str] = field(default_factory=list)
    answer_types: list[str] = field(default_factory=list)
    answerable: list[bool | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.question_ids)

    def __iter__(self) -> Iterator[Record]:
        for i in range(len(self)):
            yield Record(
                question_id=self.question_ids[i],
                image_id=self.image_ids[i],
                question=self.questions[i],
                answers=self.answers_all[i],
                modal=self.answers_modal[i],
                question_type=self.question_types[i],
                answer_type=self.answer_types[i],
                answerable=self.answerable[i],
            )

    def extend(self, records: Iterable[Record]) -> Dataset:
        """Append records; equal strings are kept once."""
        kept: dict[str, str] = {}
        for record in records:
            self.question_ids.append(record.question_id)
            self.image_ids.append(record.image_id)
            self.questions.append(record.question)
            self.answers_modal.append(kept.setdefault(record.modal, record.modal))
            self.answers_all.append(tuple(kept.setdefault(answer, answer) for answer in record.answers))
            self.question_types.append(kept.setdefault(record.question_type, record.question_type))
            self.answer_types.append(kept.setdefault(record.answer_type, record.answer_type))
            self.answerable.append(record.answerable)
        return self

    @property
    def answered(self) -> bool:
        """Whether there are answers to learn from or to measure against; a split has them for all or for none."""
        return any(self.answers_all)

    def only(self, rows: Sequence[int]) -> Dataset:
        """These questions alone, in this order."""
        columns: dict[str, Any] = {
            name: [column[row] for row in rows]
            for name, column in vars(self).items()
            if isinstance(column, list)
        }
        return replace(self, **columns)

    def photo(self, image_id: int) -> Path:
        """Where a photo is. Raises DatasetError if this data set knows no photos."""
        if self.photos is None:
            raise DatasetError(
                f"The split {self.split} of {self.name} has no photos; name their folder with --photos when "
                "preparing it."
            )
        return self.photos / self.photo_pattern.format(image_id=image_id)
