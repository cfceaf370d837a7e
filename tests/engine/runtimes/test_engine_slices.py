"""Which graphs run in slices, and that a batch in slices is the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from asksight.engine import Arrays, TensorSpec
from asksight.engine.runtimes.slices import run_in_slices, slice_rows, slice_rows_of_long

F32 = np.dtype(np.float32)


def inputs(*shapes: tuple[int | None, ...]) -> list[TensorSpec]:
    return [TensorSpec(name=f"x{number}", shape=shape, dtype=F32) for number, shape in enumerate(shapes)]


@pytest.mark.parametrize(
    ("shapes", "threads", "rows"),
    [
        ([(None, 224, 224, 3)], 2, 4),
        ([(None, 224, 224, 3)], 8, 8),  # a row a thread
        ([(None, 224, 224, 3)], 64, None),
        ([(None, 448, 448, 3)], 1, 1),
        ([(None, 4096, 4096, 3)], 1, 1),
        ([(None, 64, 64, 3)], 2, None),  # 49 are more than a batch
        ([(None, None, 300), (None, 7, 7, 512)], 2, None),  # words
        (
            [(None, None, 768), (None,), (None, 577, 768)],
            2,
            2,
        ),  # words, beside as much of a photo as BLIP's is
        ([(None, None, 768), (None,), (None, 240, 769)], 2, 3),  # and ViLT's
        ([(None,)], 1, None),
    ],
)
def test_large_photos_run_a_few_at_a_time(
    shapes: list[tuple[int | None, ...]], threads: int, rows: int | None
) -> None:
    assert slice_rows(inputs(*shapes), [], max_batch=32, threads=threads) == rows


def test_where_answers_are_spelled_more_rows_go_together() -> None:
    """They share each reading of the weights; and no engine runs 32 of them, or of a transformer's photos, at once."""
    blip = inputs((None, None, 768), (None,), (None, 577, 768))
    tokens = [TensorSpec(name="tokens", shape=(None, 5, 6), dtype=np.dtype(np.int32))]
    for rows in (slice_rows, slice_rows_of_long):
        assert rows(blip, tokens, max_batch=32, threads=2) == 8
        assert rows(blip, tokens, max_batch=8, threads=2) is None
        assert rows(inputs((None, 384, 384, 3)), [], max_batch=32, threads=2) == 2
    assert slice_rows_of_long(inputs((None, 224, 224, 3)), [], max_batch=32, threads=2) is None


@given(rows=st.integers(1, 40), at_once=st.none() | st.integers(1, 40))
def test_a_batch_in_slices_is_the_batch(rows: int, at_once: int | None) -> None:
    arrays = {"x": np.arange(rows * 3).reshape(rows, 3), "y": np.arange(rows)}
    counts: list[int] = []

    def run(some: Arrays, count: int) -> dict[str, NDArray[Any]]:
        assert len(some["x"]) == len(some["y"]) == count
        counts.append(count)
        return {"sum": some["x"] + some["y"][:, None], "y": some["y"] * 2}

    got = run_in_slices(run, arrays, rows, at_once)
    np.testing.assert_array_equal(got["sum"], arrays["x"] + arrays["y"][:, None])
    np.testing.assert_array_equal(got["y"], arrays["y"] * 2)
    assert sum(counts) == rows
    assert max(counts) == min(rows, at_once or rows)
