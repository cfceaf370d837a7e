"""The folder of a published model: config.json, weights in one or several safetensors files, and their names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError
from ..exporting.onnx_layers.lazy_weight import LazyWeight
from .safetensors import StoredTensor, read_tensors

ONE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
LARGEST_JSON = 64 << 20  # bytes


def find_source(source: str) -> Path:
    """The folder that SOURCE names. Raises CheckpointError where there is none."""
    folder = Path(source)
    if not folder.is_dir():
        raise CheckpointError(
            f"{source} is no folder here. Give one that holds config.json, {ONE_FILE}, vocab.txt and "
            "preprocessor_config.json of a published model, or OWNER/NAME of one on the Hugging Face hub."
        )
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises CheckpointError."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise CheckpointError(
                f"{path} is over {LARGEST_JSON >> 20} MiB, too large for what it should be."
            )
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is not there; it comes with the published model.") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    return content


class Checkpoint:
    """The tensors of a folder by name, and which of them have been taken. Not thread-safe.

    Raises CheckpointError where weights are missing, are pickles, or contradict their index.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tensors = _tensors(folder)
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def take(self, name: str, shape: Sequence[int]) -> LazyWeight:
        """The tensor of that name. Raises CheckpointError where it is missing or has another shape."""
        stored = self.tensors.get(name)
        if stored is None:
            raise CheckpointError(
                f"{self.folder} has no tensor {name!r} {list(shape)}, which config.json calls for. Is it a "
                "checkpoint that answers questions, and all of it?"
            )
        if stored.shape != tuple(shape):
            raise CheckpointError(
                f"{stored.path}: {name!r} is {list(stored.shape)}; by config.json it must be {list(shape)}. "
                "One of the two files is of another model."
            )
        self._taken.add(name)
        return LazyWeight(stored.shape, stored.read)

    def equal(self, one: str, other: str) -> bool:
        """Whether two tensors are there and hold the same numbers."""
        pair = [self.tensors.get(name) for name in (one, other)]
        if pair[0] is None or pair[1] is None or pair[0].shape != pair[1].shape:
            return False
        return bool(np.array_equal(pair[0].read(), pair[1].read()))

    def check_all_taken(self, may_be_left: Callable[[str], bool]) -> None:
        """Raises CheckpointError where a tensor was not taken, and is none of those that `may_be_left`."""
        left = sorted(name for name in self.tensors if name not in self._taken and not may_be_left(name))
        if left:
            others = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise CheckpointError(
                f"{self.tensors[left[0]].path} has the tensor {left[0]!r} {list(self.tensors[left[0]].shape)}"
                f"{others}, which a model of this config.json does not have. One of the two is of another model."
            )

    def largest_file(self) -> int:
        """Bytes."""
        return max(path.stat().st_size for path in {one.path for one in self.tensors.values()})


def _tensors(folder: Path) -> dict[str, StoredTensor]:
    if (folder / ONE_FILE).exists():
        return read_tensors(folder / ONE_FILE)
    if (folder / INDEX).exists():
        return _shards(folder)
    for name in PICKLES:
        if (folder / name).exists():
            raise CheckpointError(
                f"{folder} has its weights in {name}, a pickle, which may run any code and is not read. Take the "
                f"revision that has {ONE_FILE}, or load it with transformers and save it with "
                "save_pretrained(FOLDER, safe_serialization=True)."
            )
    raise CheckpointError(f"{folder} has neither {ONE_FILE} nor {INDEX}: the weights are missing.")


def _shards(folder: Path) -> dict[str, StoredTensor]:
    index = folder / INDEX
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise CheckpointError(f"{index} has no `weight_map` of tensors and files.")
    found: dict[str, StoredTensor] = {}
    for file in sorted(set(places.values())):
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(
                f"{index} names the file {file!r}; it must be a .safetensors file beside it."
            )
        if not (folder / file).exists():
            raise CheckpointError(f"{folder / file} is not there; {INDEX} names it. Bring all files here.")
        tensors = read_tensors(folder / file)
        wanted = {name for name, place in places.items() if place == file}
        if wanted != set(tensors):
            name = sorted(wanted ^ set(tensors))[0]
            raise CheckpointError(f"{folder / file} and {INDEX} disagree about the tensor {name!r}.")
        found |= tensors
    return found
