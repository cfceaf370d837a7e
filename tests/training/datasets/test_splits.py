"""Which splits are learned from and measured on, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from asksight.training.datasets import DatasetError
from asksight.training.datasets.prepared import write_manifest
from asksight.training.datasets.splits import Splits, choose_splits, measuring_split


def prepared(folder: Path, *names: str) -> Path:
    """Its manifest alone; names that end in ! have no answers."""
    write_manifest(folder, {"splits": {name.rstrip("!"): {"answers": name[-1] != "!"} for name in names}})
    return folder


@pytest.mark.parametrize(
    ("names", "train", "val", "measured"),
    [
        (("train", "val"), "train", "val", "val"),
        (("val2014", "train2014"), "train2014", "val2014", "val2014"),
        (("train", "test"), "train", None, "test"),
        (("trainval2014", "minival2014"), "trainval2014", "minival2014", "minival2014"),
        (("train", "dev", "test!"), "train", "dev", "dev"),
        (("mine",), "mine", None, "mine"),
        (("train",), "train", None, None),
    ],
)
def test_they_are_found(
    tmp_path: Path, names: tuple[str, ...], train: str, val: str | None, measured: str | None
) -> None:
    data = prepared(tmp_path, *names)
    assert choose_splits(data) == Splits(train=train, val=val)
    if measured is None:
        with pytest.raises(
            DatasetError, match=r"no split to measure on; it has train\. Name one with --split"
        ):
            measuring_split(data)
    else:
        assert measuring_split(data) == measured


def test_those_named(tmp_path: Path) -> None:
    data = prepared(tmp_path, "train", "val", "extra", "test!")
    assert choose_splits(data, train="val") == Splits(train="val", val=None)
    assert choose_splits(data, train="extra", val="train") == Splits(train="extra", val="train")
    assert measuring_split(data, "test", answered=False) == "test"
    with pytest.raises(DatasetError, match="--split and --val-split are both val"):
        choose_splits(data, train="val", val="val")
    with pytest.raises(DatasetError, match="has no split 'dev'; it has train, val, extra, test"):
        measuring_split(data, "dev")
    with pytest.raises(DatasetError, match=r"no split to train on; it has a, b \(without answers\), c"):
        choose_splits(prepared(tmp_path, "a", "b!", "c"))
    assert measuring_split(prepared(tmp_path, "test!"), answered=False) == "test"
