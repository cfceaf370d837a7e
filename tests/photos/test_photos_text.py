"""Pixels for reading: boxes out of a map, lines cut out upright, and inputs of few sizes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from asksight.photos.text import (
    LONGEST_PX,
    MOST_LINES,
    cut_line,
    detector_input,
    find_boxes,
    line_input,
    on_its_side,
    readable,
    turn_input,
)


def seen(*boxes: tuple[int, int, int, int], value: float = 1.0) -> NDArray[np.float32]:
    """A map in which such boxes (left, top, right, bottom) are text."""
    made = np.zeros((320, 480), np.float32)
    for left, top, right, bottom in boxes:
        made[top:bottom, left:right] = value
    return made


def test_a_box_is_found_a_little_larger_and_in_the_pictures_pixels() -> None:
    (corners,) = find_boxes(seen((100, 100, 300, 120)), 960, 640).corners
    left_top, right_top, right_bottom, left_bottom = corners.tolist()
    assert left_top == pytest.approx([200 - 30, 200 - 30], abs=8)  # 1.6 times area over length, on each side
    assert right_bottom == pytest.approx([600 + 30, 240 + 30], abs=8)
    assert right_top == pytest.approx([right_bottom[0], left_top[1]], abs=2)
    assert left_bottom == pytest.approx([left_top[0], right_bottom[1]], abs=2)
    assert not on_its_side(corners)
    assert on_its_side(find_boxes(seen((100, 100, 120, 300)), 480, 320).corners[0])


def test_what_is_faint_is_counted_and_what_is_tiny_is_not() -> None:
    found = find_boxes(seen((10, 10, 12, 12)) + seen((100, 100, 200, 120), value=0.4), 480, 320)
    assert (len(found.corners), len(found.faint_px)) == (0, 1)


def test_boxes_stay_in_the_picture() -> None:
    (corners,) = find_boxes(seen((0, 0, 480, 40)), 480, 320).corners
    assert corners.min() >= 0
    assert corners[:, 0].max() <= 480


def test_the_largest_of_very_many_are_kept() -> None:
    small = [(x, y, x + 8, y + 5) for x in range(4, 470, 16) for y in range(60, 310, 12)]
    found = find_boxes(seen((10, 10, 400, 40), *small), 480, 320)
    assert len(found.corners) == MOST_LINES
    assert len(found.faint_px) == len(small) + 1 - MOST_LINES
    assert np.ptp(found.corners[0][:, 0]) > 380


def test_a_line_is_cut_out_upright() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[40:60, 50:150] = 200
    picture[40:60, 50:60] = (250, 0, 0)  # its beginning
    flat = np.array([[50, 40], [150, 40], [150, 60], [50, 60]], np.float32)
    line = cut_line(picture, flat)
    assert line.shape == (20, 100, 3)
    assert line[10, 2].tolist() == pytest.approx([250, 0, 0], abs=3)
    running_down = np.ascontiguousarray(np.rot90(picture, -1))  # the photo turned to the right
    upright = np.array([[40, 50], [60, 50], [60, 150], [40, 150]], np.float32)
    assert cut_line(running_down, upright)[10, 2].tolist() == pytest.approx([250, 0, 0], abs=3)


@pytest.mark.parametrize(("width", "given"), [(1, 320), (300, 320), (330, 480), (4000, 1920)])
def test_lines_have_few_widths_and_are_laid_to_the_left(width: int, given: int) -> None:
    line = np.full((48, width, 3), 255, np.uint8)
    laid = line_input(line)
    assert laid.shape == (3, 48, given)
    assert laid[:, :, 0].min() == 1
    assert width >= given or laid[:, :, -1].max() == 0
    assert turn_input(line).shape == (3, 48, 192)


@pytest.mark.parametrize("size", [(4000, 3000), (300, 5000), (640, 480), (40, 40)])
def test_the_detector_sees_whole_steps_of_a_bounded_size(size: tuple[int, int]) -> None:
    picture = readable(Image.new("RGB", size, (255, 0, 0)))
    assert max(picture.size) <= LONGEST_PX
    given = detector_input(np.asarray(picture))
    assert given.shape[1] % 32 == given.shape[2] % 32 == 0
    assert given.shape[1] * given.shape[2] <= 736 * 1312
    assert given[:, 0, 0].tolist() == [-1, -1, 1]  # blue, green, red
