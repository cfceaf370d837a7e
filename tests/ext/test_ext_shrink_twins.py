"""Compiled grey and smaller copies, their twin in NumPy and Pillow agree to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from asksight.ext import shrink_arrow_to_grey, shrink_grey, shrink_to_grey, shrink_twin

SIDES = st.one_of(st.integers(1, 40), st.integers(1, 600))
FACTORS = st.one_of(st.integers(1, 9), st.integers(1, 256))


def pixels_of(seed: int, *shape: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    low, high = sorted(random.integers(0, 256, 2))
    return random.integers(low, high + 1, shape, np.uint8)


@given(st.integers(0, 2**32), SIDES, SIDES, st.sampled_from([3, 4]), FACTORS)
@settings(max_examples=200, deadline=None)
def test_grey_copies(seed: int, height: int, width: int, channels: int, factor: int) -> None:
    pixels = pixels_of(seed, height, width, channels)
    grey = shrink_to_grey(pixels, factor)
    np.testing.assert_array_equal(grey, shrink_twin.shrink_to_grey(pixels, factor), strict=True)
    picture = Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))
    np.testing.assert_array_equal(grey, np.asarray(picture.reduce(factor).convert("L")), strict=True)
    _, capsule = picture.__arrow_c_array__()
    arrow = shrink_arrow_to_grey(capsule, height, width, factor)
    np.testing.assert_array_equal(arrow, grey, strict=True)


@given(st.integers(0, 2**32), SIDES, SIDES, st.floats(1, 128), st.floats(1, 128))
@settings(max_examples=200, deadline=None)
def test_smaller_copies(seed: int, height: int, width: int, tall: float, wide: float) -> None:
    grey = pixels_of(seed, height, width)
    down, across = (max(-(-side // 128), round(side / by)) for side, by in ((height, tall), (width, wide)))
    small = shrink_grey(grey, down, across)
    np.testing.assert_array_equal(small, shrink_twin.shrink_grey(grey, down, across), strict=True)
    box = Image.Resampling.BOX  # rows first: Pillow 13 does not always
    right = Image.fromarray(grey).resize((across, height), box).resize((across, down), box)
    np.testing.assert_array_equal(small, np.asarray(right), strict=True)


@pytest.mark.parametrize("shrink", [shrink_to_grey, shrink_twin.shrink_to_grey])
@pytest.mark.parametrize(
    ("pixels", "factor", "error"),
    [
        (np.zeros((4, 4, 3), np.float32), 1, TypeError),
        (np.zeros((4, 4), np.uint8), 1, ValueError),
        (np.zeros((4, 4, 2), np.uint8), 1, ValueError),
        (np.zeros((4, 4, 3), np.uint8), 0, ValueError),
        (np.zeros((4, 4, 3), np.uint8), 257, ValueError),
    ],
)
def test_both_refuse_what_cannot_become_grey(
    shrink: Callable[[Any, int], object], pixels: Any, factor: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match="pixels"):
        shrink(pixels, factor)


@pytest.mark.parametrize("shrink", [shrink_grey, shrink_twin.shrink_grey])
@pytest.mark.parametrize("size", [(5, 4), (4, 5), (0, 4), (4, -1), (4, 1)])
def test_both_refuse_to_enlarge_or_to_shrink_to_next_to_nothing(
    shrink: Callable[[Any, int, int], object], size: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="cannot be shrunk"):
        shrink(np.zeros((4, 4 if size != (4, 1) else 129), np.uint8), *size)


def test_a_capsule_of_another_size_or_kind_is_refused() -> None:
    _, grey = Image.new("L", (4, 4)).__arrow_c_array__()
    schema, colours = Image.new("RGB", (4, 4)).__arrow_c_array__()
    for capsule, side in ((grey, 4), (colours, 5), (schema, 4)):
        with pytest.raises(ValueError, match=r"Arrow array|PyCapsule"):
            shrink_arrow_to_grey(capsule, side, side, 1)
