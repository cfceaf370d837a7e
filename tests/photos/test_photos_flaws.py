"""Clear flaws are found, ordinary pictures have none, and more of a flaw is more severe."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from asksight.ext import measure_photo, unevenness
from asksight.photos.flaws import UNEVEN_GREY, UNEVENNESS, FlawKind, find_flaws, grey_copy


def scene(seed: int = 0, side: int = 256) -> Image.Image:
    """Discs on a grey ground, anti-aliased."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (4 * side, 4 * side), (150, 150, 150))
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        x, y = (int(v) for v in random.integers(0, 3 * side, 2))
        colour = tuple(int(v) for v in random.integers(0, 256, 3))
        draw.ellipse((x, y, x + side // 2, y + side // 2), fill=colour)
    draw.ellipse((side, side, 2 * side, 2 * side), fill=(20, 20, 20))
    return image.resize((side, side), Image.Resampling.BOX)


def severities(image: Image.Image, short_side_px: int = 1000) -> dict[FlawKind, float]:
    return {flaw.kind: flaw.severity for flaw in find_flaws(image, short_side_px=short_side_px)}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("side", [128, 256, 512])
def test_an_ordinary_picture_has_no_flaws(seed: int, side: int) -> None:
    assert severities(scene(seed, side)) == {}


@pytest.mark.parametrize("seed", range(10))
def test_blur_is_found_and_grows(seed: int) -> None:
    little, much = (
        severities(scene(seed).filter(ImageFilter.GaussianBlur(radius))).get(FlawKind.BLURRED, 0.0)
        for radius in (1, 5)
    )
    assert little == 0.0
    assert much > 0.5


def test_darkness_is_found_and_grows() -> None:
    found = [
        severities(ImageEnhance.Brightness(scene()).enhance(light)).get(FlawKind.DARK, 0.0)
        for light in (0.6, 0.2, 0.05)
    ]
    assert found[0] == 0.0
    assert 0.0 < found[1] < found[2] <= 1.0


def test_a_blown_out_picture_is_bright() -> None:
    washed = Image.blend(scene(), Image.new("RGB", scene().size, "white"), 0.95)
    assert severities(washed)[FlawKind.BRIGHT] > 0.5


@pytest.mark.parametrize(("colour", "kind"), [("black", FlawKind.DARK), ("white", FlawKind.BRIGHT)])
def test_where_nothing_is_to_be_seen_the_flaw_is_whole(colour: str, kind: FlawKind) -> None:
    assert severities(Image.new("RGB", (64, 64), colour)) == {kind: 1.0}


def test_a_tiny_file_is_tiny_by_its_own_size_and_the_worst_comes_first() -> None:
    dark = ImageEnhance.Brightness(scene()).enhance(0.25)
    flaws = find_flaws(dark, short_side_px=16)
    assert [flaw.kind for flaw in flaws] == [FlawKind.TINY, FlawKind.DARK]
    assert flaws[0].severity == 1.0


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (16, 16)])
def test_odd_sizes_are_measured_without_trouble(size: tuple[int, int]) -> None:
    for flaw in find_flaws(Image.effect_noise(size, 80).convert("RGB"), short_side_px=min(size)):
        assert 0.0 < flaw.severity <= 1.0


def moved(image: Image.Image, length: int, *, down: bool) -> Image.Image:
    """The average of the picture at `length` places in a row."""
    pixels = np.asarray(image, np.float32)
    places = [np.roll(pixels, step, axis=0 if down else 1) for step in range(length)]
    edge = length
    return Image.fromarray(np.mean(places, axis=0).astype(np.uint8)[edge:, edge:])


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_motion_is_told_from_blur_and_grows(seed: int, down: bool) -> None:
    little, much = (severities(moved(scene(seed), length, down=down)) for length in (6, 14))
    assert set(little) | set(much) == {FlawKind.MOTION_BLURRED}
    assert 0 < little[FlawKind.MOTION_BLURRED] < much[FlawKind.MOTION_BLURRED]


def test_a_finger_over_the_lens_is_one_surface_and_a_small_thing_on_it_is_not() -> None:
    y, x = np.mgrid[0:256, 0:256]
    random = np.random.default_rng(0)
    light = (110 + x / 8 - y / 10)[:, :, None] * np.array([1.1, 0.8, 0.7]) + random.normal(
        0, 4, (256, 256, 3)
    )
    finger = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
    assert severities(finger) == {FlawKind.UNIFORM: 1.0}
    ImageDraw.Draw(finger).rectangle((100, 100, 150, 150), fill=(40, 60, 200))
    assert FlawKind.UNIFORM not in severities(finger)


def test_a_thing_that_differs_in_colour_alone_is_a_thing() -> None:
    image = Image.new("RGB", (256, 256), (150, 100, 100))
    ImageDraw.Draw(image).rectangle((90, 90, 160, 160), fill=(100, 121, 121))  # of nearly the same grey
    assert np.ptp(np.asarray(image.convert("L"))) <= 2
    assert severities(image) == {}


@pytest.mark.parametrize(
    "size", [(16, 16), (256, 256), (257, 3), (3, 700), (640, 480), (600, 447), (895, 1193), (2300, 2200)]
)
def test_the_grey_copy_is_pillows(size: tuple[int, int]) -> None:
    """To a level: Pillow 13 averages some tall pictures by columns first."""
    picture = Image.effect_noise(size, 80).convert(
        "RGB"
    )  # the last is so large that it lies in several blocks
    factor = max(1, max(size) // 384)
    right = picture.reduce(factor).convert("L")
    right.thumbnail((256, 256), Image.Resampling.BOX)
    grey = grey_copy(picture)
    assert grey.shape == (right.height, right.width)
    assert np.abs(grey.astype(int) - np.asarray(right)).max() <= 1


def test_the_grey_copy_has_the_size_of_a_thumbnail() -> None:
    random = np.random.default_rng(0)
    for size in random.integers(1, 768, (300, 2)).tolist():
        picture = Image.new("RGB", size)
        factor = max(1, max(size) // 384)
        right = picture.reduce(factor)
        right.thumbnail((256, 256))
        assert grey_copy(picture).shape == (right.height, right.width)


def test_where_grey_is_uneven_some_colour_is_too() -> None:
    """So that colours need not be looked at there."""
    random, close = np.random.default_rng(0), 0
    y, x = np.mgrid[0:256, 0:256] / 255
    for _ in range(200):
        bumps = sum(np.sin(random.uniform(3, 40, 2) @ [y.ravel(), x.ravel()]) for _ in range(3))
        colours = random.uniform(-10, 10, 3) * np.reshape(bumps, (256, 256, 1)) + 128
        picture = Image.fromarray(np.rint(colours).astype(np.uint8))
        small = np.asarray(picture.resize((32, 32), Image.Resampling.BOX, reducing_gap=2.0))
        grey = measure_photo(grey_copy(picture)).unevenness
        close += UNEVEN_GREY / 2 < grey < 2 * UNEVEN_GREY
        assert grey < UNEVEN_GREY or unevenness(small) > UNEVENNESS[0]
        assert grey < unevenness(small) + 1
    assert close > 20
