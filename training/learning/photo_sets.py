"""The questions that a training from photos learns from and is measured on, and fingerprints of all that it reads."""

from __future__ import annotations

from pathlib import Path

from ..datasets import Dataset, open_dataset
from ..datasets.bad_entries import BadEntries
from ..datasets.splits import TO_LEARN, check_answered
from .fingerprints import of_file, of_photos, of_questions
from .objects import instances_path
from .runs import TrainSettings
from .stored import hold_out


def open_sets(settings: TrainSettings, problems: BadEntries) -> tuple[Dataset, Dataset]:
    """What is learned from, and what is measured on. Raises DatasetError where either is bad or has no answers."""
    data = Path(settings.data)
    dataset = open_dataset(data, settings.train_split, problems)
    if settings.val_split is None:
        rows, held = hold_out(dataset, share=settings.holdout, seed=settings.seed)
        sets = dataset.only(rows.tolist()), dataset.only(held.tolist())
    else:
        sets = dataset, open_dataset(data, settings.val_split, problems)
    problems.check()
    for one in sets:
        check_answered(one, data, todo=TO_LEARN)
    return sets


def inputs_of(settings: TrainSettings, sets: tuple[Dataset, Dataset]) -> dict[str, str]:
    """The fingerprints of all that is learned from."""
    inputs = of_file(boxes_of(settings), "the boxes")
    for one in sets[:1] if settings.val_split is None else sets:
        inputs |= of_questions(one) | of_photos(one)
    return inputs


def boxes_of(settings: TrainSettings) -> Path:
    """Where its boxes are, if it has any."""
    return instances_path(Path(settings.data), settings.train_split)
