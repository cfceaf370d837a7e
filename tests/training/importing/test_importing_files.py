"""Weights in several files, and disks that are full: nothing is left half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oracle.tiny import numbers, write_safetensors
from published_models import imported, published, shapes

from asksight.training.errors import CheckpointError
from asksight.training.importing.checkpoint import Checkpoint, find_source

BLIP, VILT = "blip-even", "vilt-small"


@pytest.fixture
def copies(tmp_path: Path) -> dict[str, Path]:
    return {name: published(tmp_path / name, name) for name in (BLIP, VILT)}


def shard(folder: Path, change: Callable[[dict[str, str]], None] = lambda _: None) -> None:
    """The weights in two files and an index."""
    tensors = {key: numbers(key, shape) for key, shape in shapes(BLIP).items()}
    names = sorted(tensors)
    places: dict[str, str] = {}
    for part, some in enumerate((names[::2], names[1::2])):
        write_safetensors(folder / f"part-{part}.safetensors", {key: tensors[key] for key in some})
        places |= dict.fromkeys(some, f"part-{part}.safetensors")
    change(places)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def test_weights_in_several_files_are_the_same(copies: dict[str, Path]) -> None:
    whole = imported(copies[BLIP], copies[BLIP].parent / "whole", BLIP)
    shard(copies[BLIP])
    parts = imported(copies[BLIP], copies[BLIP].parent / "parts", BLIP)
    assert whole.files == parts.files
    assert Checkpoint(copies[BLIP]).tensors.keys() == shapes(BLIP).keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda places: places.popitem(), "disagree about the tensor"),
        (lambda places: places.update(a="part-2.safetensors"), "part-2.safetensors is not there"),
        (lambda places: places.update(a="../part-2.safetensors"), "it must be a .safetensors file beside it"),
        (lambda places: places.update(a=3), "has no `weight_map`"),
    ],
)
def test_an_index_that_lies_is_named(
    copies: dict[str, Path], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    shard(copies[BLIP], change)
    with pytest.raises(CheckpointError, match=said):
        imported(copies[BLIP], copies[BLIP].parent / "out", BLIP)


@pytest.mark.parametrize("name", [BLIP, VILT])
def test_a_full_disk_leaves_nothing_and_the_old_bundle_as_it_was(
    copies: dict[str, Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copies[name].parent / "out"
    before = imported(copies[name], out, name).files
    monkeypatch.setattr("asksight.training.importing.written.OnnxFile.write", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        imported(copies[name], out, name)
    assert sorted(path.name for path in out.parent.iterdir()) == sorted([BLIP, VILT, "out"])
    assert {path.name for path in out.iterdir()} == {"bundle.json", *before}


def full(*_: object) -> None:
    raise OSError(28, os.strerror(28), "/somewhere")


def test_no_folder_is_said_as_such() -> None:
    with pytest.raises(CheckpointError, match="nowhere is no folder here"):
        find_source("nowhere")
