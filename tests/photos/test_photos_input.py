"""A bundle's preprocessing is done as it says: size, way of fitting, channel order and dtype."""

from __future__ import annotations

import numpy as np
import pytest
from photo_files import picture
from PIL import Image

from asksight.photos.input import PhotoInput


def wide() -> Image.Image:
    """Twice as wide as high: red left quarter, green middle, blue right quarter."""
    image = Image.new("RGB", (80, 40), (0, 255, 0))
    image.paste((255, 0, 0), (0, 0, 20, 40))
    image.paste((0, 0, 255), (60, 0, 80, 40))
    return image


def test_stretching_keeps_all_and_the_proportions_go() -> None:
    pixels = PhotoInput.of(20, 20, "uint8", {"resize": "stretch"})(wide())["image"]
    assert pixels.shape == (20, 20, 3)
    assert pixels[10, 0].tolist() == [255, 0, 0]
    assert pixels[10, 19].tolist() == [0, 0, 255]


def test_cropping_keeps_the_middle() -> None:
    pixels = PhotoInput.of(20, 20, "uint8", {"resize": "crop"})(wide())["image"]
    assert pixels.shape == (20, 20, 3)
    assert np.all(pixels[:, 2:-2] == [0, 255, 0])


def test_padding_keeps_all_between_black_bars() -> None:
    pixels = PhotoInput.of(20, 20, "uint8", {"resize": "pad"})(wide())["image"]
    assert pixels[0, 10].tolist() == [0, 0, 0]
    assert pixels[10, 0].tolist() == [255, 0, 0]
    assert pixels[10, 10].tolist() == [0, 255, 0]


def test_a_picture_of_the_right_size_is_taken_as_it_is() -> None:
    image = picture(32, 24)
    pixels = PhotoInput.of(24, 32, "uint8", {})(image)["image"]
    assert np.array_equal(pixels, np.asarray(image))


def test_bgr_and_float32_hold_the_same_values_in_another_order() -> None:
    rgb = PhotoInput.of(24, 32, "uint8", {})(picture())["image"]
    bgr = PhotoInput.of(24, 32, "float32", {"color_order": "bgr"})(picture())["image"]
    assert bgr.dtype == np.float32
    assert bgr.flags.c_contiguous
    assert np.array_equal(bgr[..., ::-1], rgb)


@pytest.mark.parametrize(
    "preprocessing", [{"resize": "squash"}, {"resample": "magic"}, {"color_order": "gbr"}]
)
def test_unknown_preprocessing_is_refused_with_what_is_known(preprocessing: dict[str, str]) -> None:
    (name, value), *_ = preprocessing.items()
    with pytest.raises(ValueError, match=f"'{name}' is '{value}'; known are"):
        PhotoInput.of(24, 32, "uint8", preprocessing)
