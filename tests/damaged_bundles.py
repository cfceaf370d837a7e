"""Bundles with something wrong in them, and the refusal that each must get."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asksight.engine import BundleError, load_bundle

FILES = ("encoder.onnx", "answerer.onnx", "vectors.npy", "words.txt", "answers.txt")


def refusal(root: Path | str, *, verify: bool = True) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(root, verify=verify)
    text = str(caught.value)
    assert "\n" not in text
    assert ": expected " in text
    assert ", found " in text
    return text


def edit(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    tree = json.loads((root / "bundle.json").read_text())
    change(tree)
    (root / "bundle.json").write_text(json.dumps(tree))


def put(root: Path, name: str, data: bytes) -> None:
    """Replace a file and its hash, as a person would who builds a bundle by hand."""
    (root / name).write_bytes(data)
    record = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit(root, lambda tree: tree["files"].update({name: record}))


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def set_at(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        *path, last = place.split("/")
        for key in path:
            tree = tree[key]
        if value is ...:
            del tree[last]
        else:
            tree[last] = value

    return change
