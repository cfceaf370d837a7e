"""The compiled measures of a photo and their twin in NumPy say the same of any pixels, from any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asksight.ext import measure_photo, photo_twin, unevenness

Pixels = NDArray[np.uint8]
SIDES = st.one_of(st.integers(1, 40), st.sampled_from([11, 12, 16, 17, 64, 256]))
SIZES = [
    (1, 1),
    (1, 256),
    (256, 1),
    (16, 16),
    (17, 17),
    (12, 11),
    (256, 17),
    (17, 256),
    (256, 256),
    (191, 256),
]


def noise(random: np.random.Generator, height: int, width: int) -> NDArray[Any]:
    return random.integers(0, 256, (height, width))


def extremes(random: np.random.Generator, height: int, width: int) -> NDArray[Any]:
    return 255 * random.integers(0, 2, (height, width))


def equal(random: np.random.Generator, height: int, width: int) -> NDArray[Any]:
    return np.full((height, width), random.integers(256))


def faint(random: np.random.Generator, height: int, width: int) -> NDArray[Any]:
    """Edges about as high as the least that count."""
    return 100 + random.integers(0, 2, (height, width)) * random.integers(14, 19)


def stripes(random: np.random.Generator, height: int, width: int) -> NDArray[Any]:
    """Waves in a random direction: edges of a few heights, many of them equal."""
    y, x = np.mgrid[0:height, 0:width]
    across, down = random.uniform(-1, 1, 2)
    waves: NDArray[Any] = 128 + random.uniform(5, 127) * np.sin(across * x + down * y)
    return waves


def blots(random: np.random.Generator, height: int, width: int) -> NDArray[Any]:
    """Squares on grey with some noise: about a thousand strong edges on a large picture."""
    picture = np.full((height, width), 120.0) + random.normal(0, random.uniform(0, 6), (height, width))
    for _ in range(random.integers(1, 6)):
        y, x = random.integers(height), random.integers(width)
        picture[y : y + height // 4 + 1, x : x + width // 4 + 1] = random.integers(256)
    return picture


KINDS = (noise, extremes, equal, faint, stripes, blots)


def made(kind: Callable[..., NDArray[Any]], seed: int, height: int, width: int) -> Pixels:
    pixels: Pixels = np.clip(kind(np.random.default_rng(seed), height, width), 0, 255).astype(np.uint8)
    return pixels


def assert_twins(grey: Pixels) -> None:
    """All but the unevenness to the last bit; that is a sum of many floats in the twin."""
    *compiled, uneven = measure_photo(grey)
    *twin, twin_uneven = photo_twin.measure_photo(grey)
    assert compiled == twin
    assert uneven == pytest.approx(twin_uneven, rel=1e-9, abs=1e-5)


@given(st.sampled_from(KINDS), st.integers(0, 2**32), SIDES, SIDES)
@settings(max_examples=200, deadline=None)
def test_pictures_of_any_size(kind: Callable[..., NDArray[Any]], seed: int, height: int, width: int) -> None:
    grey = made(kind, seed, height, width)
    assert_twins(grey)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_sizes_at_the_edge(kind: Callable[..., NDArray[Any]], size: tuple[int, int]) -> None:
    for seed in range(5):
        assert_twins(made(kind, seed, *size))


@pytest.mark.parametrize("edges", [9, 10, 999, 1000, 1001, 1999, 2000, 3001])
def test_so_many_strong_edges(edges: int) -> None:
    """Of which every second or third is taken from a thousand on."""
    grey = np.full((1, edges * 20), 50, np.uint8)
    grey[0, ::20] = 50 + np.arange(edges) % 60 + 100
    grey = np.vstack([grey, grey[:, ::-1]] * 10)[: max(1, 17 if edges < 1000 else 1)]
    assert_twins(np.ascontiguousarray(grey))


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 2.0, 20.0, 200.0]), st.sampled_from([0, 30, 200]))
@settings(max_examples=200, deadline=None)
def test_surfaces(seed: int, roughness: float, slope: float) -> None:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:32, 0:32, 0:1][:2] / 31
    a, b, c = random.uniform(-slope, slope, (3, 3))
    surface = random.uniform(0, 255, 3) + a * x + b * y + c * x * y + random.normal(0, roughness, (32, 32, 3))
    small = np.clip(np.rint(surface), 0, 255).astype(np.uint8)
    assert unevenness(small) == pytest.approx(photo_twin.unevenness(small), rel=1e-9, abs=1e-5)


def test_one_colour_is_even() -> None:
    assert unevenness(np.full((32, 32, 3), 77, np.uint8)) == 0.0


def test_threads_do_not_disturb_each_other() -> None:
    pictures = [made(kind, seed, 200, 256) for kind in KINDS for seed in range(4)]
    right = [measure_photo(grey) for grey in pictures]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(measure_photo, pictures)) == right


@pytest.mark.parametrize("measure", [measure_photo, photo_twin.measure_photo])
@pytest.mark.parametrize(
    ("pixels", "error"),
    [
        (np.zeros((4, 4), np.int16), TypeError),
        (np.zeros((4, 4, 3), np.uint8), ValueError),
        (np.zeros((0, 4), np.uint8), ValueError),
        (np.zeros((4, 8), np.uint8)[:, ::2], ValueError),
    ],
)
def test_both_refuse_what_is_no_grey_picture(
    measure: Callable[[Any], object], pixels: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="pixels must"):
        measure(pixels)


@pytest.mark.parametrize("measure", [unevenness, photo_twin.unevenness])
def test_both_refuse_what_is_no_small_picture(measure: Callable[[Any], object]) -> None:
    with pytest.raises(ValueError, match=r"not \[31, 32, 3\]"):
        measure(np.zeros((31, 32, 3), np.uint8))
