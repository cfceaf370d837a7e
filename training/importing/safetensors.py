"""Tensors of a .safetensors file: 8 bytes of length, a JSON header, raw arrays.

Format: https://github.com/huggingface/safetensors#format. The header is checked against the file before any number
is read; numbers are read tensor by tensor, so that no more than one is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError

LONGEST_HEADER = 100_000_000  # bytes, as in the reference implementation
BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
FLOATS = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}  # as they lie in the file


@dataclass(frozen=True)
class StoredTensor:
    """Where one tensor lies, and what it is."""

    name: str
    path: Path
    dtype: str  # the format's own name, as "BF16"
    shape: tuple[int, ...]
    offset: int  # bytes from the start of the file

    def read(self) -> NDArray[np.float32]:
        """Its numbers in float32. Raises CheckpointError: no floats, not all finite, or the file has changed."""
        kind = FLOATS.get(self.dtype)
        if kind is None:
            raise CheckpointError(
                f"{self.path}: {self.name!r} is {self.dtype}; weights must be {', '.join(FLOATS)}. Use the "
                "checkpoint as it was published, not a quantised one."
            )
        count = prod(self.shape)
        with self.path.open("rb") as file:
            raw = np.fromfile(file, kind, count, offset=self.offset)
        if len(raw) != count:
            raise CheckpointError(
                f"{self.path} became shorter while {self.name!r} was read. Bring it here once more."
            )
        if self.dtype == "BF16":  # the upper half of a float32
            numbers = (raw.astype(np.uint32) << 16).view(np.float32)
        else:
            with np.errstate(over="ignore"):  # infinity is found below
                numbers = raw.astype(np.float32, copy=False)
        if not np.isfinite(numbers).all():
            raise CheckpointError(
                f"{self.path}: {self.name!r} holds NaN or numbers beyond float32; all must be finite."
            )
        return numbers.reshape(self.shape)


def read_tensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file by name. Raises CheckpointError naming what is wrong, OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise _refused(
                path, f"its header would take {length} of {size} bytes: it is cut short or no such file"
            )
        if length > LONGEST_HEADER:
            raise _refused(path, f"its header takes {length} bytes; {LONGEST_HEADER} are allowed")
        text = file.read(length)
    try:
        header = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise _refused(path, "its header is no JSON object")
    header.pop("__metadata__", None)
    start = 8 + length
    found = {name: _tensor(path, name, entry, start) for name, entry in header.items()}
    _check_places(path, found, start, size)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name comes twice")
    return made


def _tensor(path: Path, name: str, entry: Any, start: int) -> StoredTensor:
    if not isinstance(entry, dict):
        raise _refused(path, f"the entry of {name!r} is no JSON object")
    dtype, shape, places = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if dtype not in BYTES:
        raise _refused(path, f"{name!r} has the dtype {dtype!r}; known are {', '.join(BYTES)}")
    if not _sizes(shape) or not _sizes(places) or len(places) != 2:
        raise _refused(
            path, f"{name!r} has the shape {shape} and the offsets {places}, which are not whole numbers"
        )
    wanted = prod(shape) * BYTES[dtype]
    if places[1] - places[0] != wanted:
        raise _refused(path, f"{name!r} of {dtype} {shape} takes {wanted} bytes; its offsets are {places}")
    return StoredTensor(name, path, dtype, tuple(shape), start + places[0])


def _sizes(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 2**63 for one in value)


def _check_places(path: Path, tensors: Mapping[str, StoredTensor], start: int, size: int) -> None:
    """The format wants the tensors one after the other, without gaps, up to the end of the file."""
    place = start
    for one in sorted(tensors.values(), key=lambda one: (one.offset, prod(one.shape))):
        if one.offset != place:
            what = "overlaps the tensor before it" if one.offset < place else "leaves a gap before it"
            raise _refused(path, f"{one.name!r} begins at byte {one.offset - start} and {what}")
        place += prod(one.shape) * BYTES[one.dtype]
    if place != size:
        what = "it is cut short" if size < place else "something follows its tensors"
        raise _refused(path, f"its tensors end at byte {place} of {size}: {what}")


def _refused(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} cannot be read as safetensors: {why}. Bring it here once more.")
