"""The questions that a verb measures a model on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .output import left_out_lines

if TYPE_CHECKING:
    from asksight.training.datasets import Dataset


def measured_on(
    data: Path, split: str | None, *, todo: str, answered: bool = True, skip_bad: bool = False
) -> Dataset:
    """Those of the split, or of the validation split; with `skip_bad`, bad ones are left out and counted on stderr.

    Raises DatasetError, where `answered`, if they have no answers, which are needed `todo` something.
    """
    from asksight.training.datasets import open_dataset
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.datasets.photo_check import readable
    from asksight.training.datasets.splits import check_answered, measuring_split

    problems = BadEntries(skip=True)
    chosen = measuring_split(data, split, answered=answered)
    dataset = open_dataset(data, chosen, problems if skip_bad else None)
    if answered:
        check_answered(dataset, data, todo=todo)
    if skip_bad and dataset.photos is not None:
        dataset = readable(dataset, problems)
    for line in left_out_lines(problems.counts):
        typer.echo(line, err=True)
    return dataset
