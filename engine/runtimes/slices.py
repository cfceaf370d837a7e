"""Batches of large photos, a few at a time: as quick as all at once, in a tenth of the memory.

What convolutions hold grows with the photos of a batch. VGG16 (224 px, two cores) takes 138.8 ms a photo four at a time
and 137.7 at 32, with 0.12 GB beside its weights instead of 1.2; and a batch size that was not run yet is made of those
that were. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, TensorSpec

Run = Callable[[Arrays, int], dict[str, NDArray[Any]]]

LEAST_BESIDE_WORDS = (
    100_000  # values: ViLT's patches are 184,000 and BLIP's 443,000, a grid of VGG16's 25,000
)
LEAST_OF_A_LONG_PHOTO = 300_000  # values: 320 px a side
SPELLED_ROWS = 8
VALUES = 4 * 224 * 224 * 3  # that go in at once: four photos of the size that most encoders take


def slice_rows(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], *, max_batch: int, threads: int
) -> int | None:
    """How many rows are run at once, None for all: at least one for each thread, so that none is idle.

    A graph with a second free axis reads words: recurrent layers gain by every row and need little memory, so that all
    go at once. Unless as much of a photo is there, too, as only a transformer takes: 32 of its rows would take seconds
    and gigabytes. One that spells answers reads most of its weights once a piece, whatever the rows: of BLIP's
    questions, 8 at once take 177 ms of a processor each, 2 take 208, 1 takes 272, and 16 take 144 (two cores). At 8
    they hold the engine for a second and a half, which is what others then wait.
    """
    values, words = _values(inputs)
    if words and values < LEAST_BESIDE_WORDS:
        return None
    spells = any(tensor.name == "tokens" for tensor in outputs)
    rows = SPELLED_ROWS if spells else max(VALUES // max(values, 1), threads)
    return rows if rows < max_batch else None


def slice_rows_of_long(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], *, max_batch: int, threads: int
) -> int | None:
    """The same for an engine that gains by larger batches: only where a batch would hold it for seconds."""
    values, words = _values(inputs)
    if values < (LEAST_BESIDE_WORDS if words else LEAST_OF_A_LONG_PHOTO):
        return None
    return slice_rows(inputs, outputs, max_batch=max_batch, threads=threads)


def _values(inputs: Sequence[TensorSpec]) -> tuple[int, bool]:
    """How many a row has of a fixed number, and whether words are beside them."""
    fixed = [tensor.shape[1:] for tensor in inputs if None not in tensor.shape[1:]]
    values = sum(prod(size for size in shape if size is not None) for shape in fixed)
    return values, len(fixed) < len(inputs)


def run_in_slices(run: Run, arrays: Arrays, rows: int, at_once: int | None) -> dict[str, NDArray[Any]]:
    """What `run` gives for all rows; it is called with at most `at_once` of them, and how many those are."""
    if at_once is None or rows <= at_once:
        return run(arrays, rows)
    parts = []
    for start in range(0, rows, at_once):
        count = min(at_once, rows - start)
        parts.append(run({name: array[start : start + count] for name, array in arrays.items()}, count))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
