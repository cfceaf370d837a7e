"""Photos in their own shape: sizes as the processor of ViLT computes them, on a canvas, and decoded at full size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from photo_files import encoded, picture
from PIL import Image

from asksight.photos.decode import check_photo, decode, decoding_bytes, decoding_s
from asksight.photos.input import PhotoInput, Shortest
from asksight.photos.limits import PhotoLimits

VILT = Shortest(shortest=384, longest=639, multiple=32)
ASKED: dict[str, Any] = {
    "resize": "shortest",
    "resample": "bicubic",
    "shortest": 384,
    "longest": 639,
    "multiple": 32,
}


@pytest.mark.parametrize(
    ("photo", "size"),
    [
        ((640, 480), (512, 384)),
        ((480, 640), (384, 512)),
        ((500, 375), (512, 384)),
        ((384, 384), (384, 384)),
        ((1000, 300), (608, 192)),  # the longer side counts: 639 x 191.7
        ((4000, 3000), (512, 384)),
        ((9000, 300), (608, 32)),  # 639 x 21.3: never 0
        ((16, 65_535), (32, 608)),
        ((1, 1), (384, 384)),
        ((426, 425), (384, 384)),  # 384.9 is cut down, not rounded, to whole patches
    ],
)
def test_sizes(photo: tuple[int, int], size: tuple[int, int]) -> None:
    assert VILT.size(*photo) == size


@given(st.integers(16, 70_000), st.integers(16, 70_000))
def test_every_photo_fits_the_canvas_in_whole_patches(width: int, height: int) -> None:
    across, down = VILT.size(width, height)
    assert across % 32 == down % 32 == 0
    assert 32 <= min(across, down) <= 384
    assert max(across, down) <= 608
    assert VILT.size(height, width) == (down, across)


@pytest.mark.parametrize("size", [(96, 64), (64, 96), (300, 20)])
def test_the_picture_lies_in_the_corner_and_the_rest_is_zero(size: tuple[int, int]) -> None:
    seen = PhotoInput.of(608, 608, "uint8", ASKED)(Image.new("RGB", size, (255, 1, 2)))
    rows, columns = (int(count) * 32 for count in seen["grid"])
    assert (columns, rows) == VILT.size(*size)
    assert seen["grid"].dtype == np.int32
    assert seen["image"].shape == (608, 608, 3)
    assert (seen["image"][:rows, :columns] == [255, 1, 2]).all()
    assert not seen["image"][rows:].any()
    assert not seen["image"][:, columns:].any()


def test_it_is_resized_as_by_pillow_and_turned_to_the_order_asked_for() -> None:
    photo = picture(640, 480)
    wanted = np.asarray(photo.resize((512, 384), Image.Resampling.BICUBIC))
    seen = PhotoInput.of(608, 608, "float32", {**ASKED, "color_order": "bgr"})(photo)["image"]
    assert np.array_equal(seen[:384, :512, ::-1], wanted)
    assert seen.dtype == np.float32


def test_a_model_may_ask_for_photos_that_no_decoder_has_shrunk() -> None:
    photo = encoded(picture(2400, 1600).effect_spread(9), "JPEG", quality=90)
    header = check_photo(photo, PhotoLimits())
    whole, shrunk = (
        PhotoInput.of(64, 64, "uint8", {"resize": "stretch", "shrink_first": first})
        for first in (False, True)
    )
    assert (whole.smallest_px, shrunk.smallest_px) == (None, 256)
    decoded = decode(photo, header, smallest_px=whole.smallest_px)
    assert decoded.size == (2400, 1600)
    assert decode(photo, header, smallest_px=shrunk.smallest_px).size == (600, 400)
    wanted = np.asarray(decoded.resize((64, 64), Image.Resampling.BILINEAR))
    assert np.array_equal(whole(decoded)["image"], wanted)


def test_full_size_takes_more_memory_and_time_and_both_are_charged() -> None:
    header = check_photo(encoded(picture(2400, 1600), "JPEG"), PhotoLimits())
    assert decoding_bytes(header, None) == 8 * 2400 * 1600 > 4 * decoding_bytes(header, 256)
    assert decoding_s(header, None) > 4 * decoding_s(header, 256)
