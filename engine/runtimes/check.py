"""Do these arrays fit an engine's spec? Pure checks, made before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

from ..base import Arrays, EngineSpec, TensorSpec
from ..errors import EngineError


def batch_size(spec: EngineSpec, arrays: Arrays) -> int:
    """The number of rows that all inputs have; raises EngineError unless every one of them fits `spec`."""
    wanted = {tensor.name for tensor in spec.inputs}
    if wanted != set(arrays):
        raise EngineError(
            f"The engine takes the inputs {_names(wanted)}; it was given {_names(set(arrays))}."
        )
    for tensor in spec.inputs:
        check_tensor("input", tensor, arrays)
    sizes = {tensor.name: len(arrays[tensor.name]) for tensor in spec.inputs}
    if len(set(sizes.values())) != 1:
        seen = ", ".join(f"{name} has {rows}" for name, rows in sizes.items())
        raise EngineError(f"All inputs of a batch must have the same number of rows; {seen}.")
    rows = next(iter(sizes.values()))
    if not 1 <= rows <= spec.max_batch:
        raise EngineError(
            f"The batch has {rows} rows; the engine takes 1 to {spec.max_batch}. Split the batch."
        )
    return rows


def check_tensor(role: str, tensor: TensorSpec, arrays: Arrays) -> None:
    """Raises EngineError unless the array has the dtype and the shape that `tensor` says."""
    array = arrays[tensor.name]
    if array.dtype != tensor.dtype:
        raise EngineError(f"The {role} {tensor.name} must be {tensor.dtype}; it is {array.dtype}.")
    fits = array.ndim == len(tensor.shape) and all(
        size in (None, seen) for size, seen in zip(tensor.shape, array.shape, strict=True)
    )
    if not fits:
        raise EngineError(
            f"The {role} {tensor.name} must have the shape {shape_text(tensor.shape)}; "
            f"it has {shape_text(array.shape)}."
        )


def shape_text(shape: Sequence[int | str | None]) -> str:
    """As in "[?, 8, 8, 64]", with "?" where a size is free."""
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
