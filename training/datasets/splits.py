"""Which splits a data set has, and which of them to learn from and to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .dataset import Dataset
from .prepared import MANIFEST, read_manifest
from .source import find_sources

TO_LEARN = "to learn from, and to measure against"


@dataclass(frozen=True, kw_only=True)
class Splits:
    """`val` is None where some photos of `train` have to be held out instead."""

    train: str
    val: str | None


def split_names(data: Path) -> list[str]:
    """The splits of a data set, prepared or as it was published. Raises DatasetError where there is none."""
    return list(_answered(data))


def choose_splits(data: Path, *, train: str | None = None, val: str | None = None) -> Splits:
    """Those named; or the first that begins with "train", as in train2014, else the only one; and the validation split.

    Raises DatasetError where there is no such split, or both are the same.
    """
    splits = _answered(data)
    for wanted in (train, val):
        if wanted is not None:
            _check_named(data, wanted, list(splits))
            if not splits[wanted]:
                raise _unanswered(wanted, data, TO_LEARN)
    if train is not None and train == val:
        raise DatasetError(
            f"--split and --val-split are both {train}: a model is not measured on what it learned. Name two, or leave "
            "--val-split out."
        )
    names = [name for name, answered in splits.items() if answered and name != val]
    learning = train or _training(names)
    if learning is None:
        raise DatasetError(
            f"{data} has no split to train on; it has {_listed(splits)}. Name one with --split."
        )
    return Splits(train=learning, val=val or _validation([name for name in names if name != learning]))


def measuring_split(data: Path, split: str | None = None, *, answered: bool = True) -> str:
    """That named, or the validation split; a test split is chosen where there is none, or no answers are needed.

    Raises DatasetError where there is no such split.
    """
    splits = _answered(data)
    if split is not None:
        _check_named(data, split, list(splits))
        return split
    names = [name for name, has_answers in splits.items() if has_answers or not answered]
    rest = [name for name in names if name != _training(names)] if len(names) > 1 else names
    chosen = _validation(rest)
    if chosen is None and len(rest) == 1 and not rest[0].startswith("train"):
        chosen = rest[0]
    if chosen is None:
        raise DatasetError(
            f"{data} has no split to measure on; it has {_listed(splits)}. Name one with --split."
        )
    return chosen


def check_answered(dataset: Dataset, data: Path, *, todo: str) -> None:
    """Raises DatasetError where a split has no answers, which are needed `todo` something."""
    if len(dataset) and not dataset.answered:
        raise _unanswered(dataset.split, data, todo)


def _unanswered(split: str, data: Path, todo: str) -> DatasetError:
    return DatasetError(f"The split {split} of {data} has no answers, which are needed {todo}.")


def _answered(data: Path) -> dict[str, bool]:
    """The splits, and whether each has answers."""
    if (data / MANIFEST).exists():
        return {name: about.get("answers", True) for name, about in read_manifest(data)["splits"].items()}
    return {source.split: source.answered for source in find_sources(data)}


def _training(names: Sequence[str]) -> str | None:
    named = next((name for name in names if name.startswith("train")), None)
    return names[0] if named is None and len(names) == 1 else named


def _validation(names: Sequence[str]) -> str | None:
    """The first that begins with "val" or "dev", or has it inside, as minival has."""
    named = [name for name in names if name.startswith(("val", "dev"))]
    inside = [name for name in names if "val" in name and not name.startswith("train")]
    return next(iter([*named, *inside]), None)


def _listed(splits: dict[str, bool]) -> str:
    return ", ".join(name if answered else f"{name} (without answers)" for name, answered in splits.items())


def _check_named(data: Path, split: str, names: list[str]) -> None:
    if split not in names:
        raise DatasetError(f"{data} has no split {split!r}; it has {', '.join(names)}.")
