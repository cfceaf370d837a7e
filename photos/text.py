"""Pixels for reading text: a picture for the detector, its map → boxes, and each box cut out upright as one line.

What PP-OCR's three graphs were trained to see (Li et al. 2022, arXiv 2206.03001), as rapidocr prepares it; boxes are
found as in DB (Liao et al. 2020, arXiv 1911.08947, 3.4). OpenCV comes with the extra `ocr`. Pure, thread-safe.
"""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

READ_PX = 960  # photos are not shrunk below it while they are decoded
LONGEST_PX = 2000  # a longer side is brought to it: small print of a page is still some 15 px high
SEEN_SHORT_PX, SEEN_LONG_PX = (
    736,
    1312,
)  # what the detector sees: the shorter side, and the longer one at most
STRIDE = 32  # its sides are whole numbers of it
INK = 0.3  # of its map, from which on a pixel belongs to text
BOX_SCORE = 0.5  # the map's mean in a box, from which on it is one
GROWN = 1.6  # DB learns the core of a line; the line is larger by this much of area over length
SMALLEST_PX = 3.0
MOST_LINES = 128  # a page of small print; boxes beyond the largest are left out
LINE_PX = 48  # the height of a line for the recogniser
LINE_STEP_PX, SHORTEST_LINE_PX, LONGEST_LINE_PX = (
    160,
    320,
    1920,
)  # its widths, so that lines of one width run together
TURN_PX = 192  # the width that tells whether it stands on its head
UPRIGHT_FORM = 1.5  # a box that is higher than wide by more than that is a line on its side


class TextBoxes(NamedTuple):
    """Boxes of lines in a picture."""

    corners: NDArray[np.float32]  # [n, 4, 2] px: left top, right top, right bottom, left bottom
    faint_px: tuple[float, ...] = ()  # heights of more that may be lines, and are too faint to be read


def readable(picture: Image.Image) -> Image.Image:
    """The picture, made smaller where it has more pixels than reading gains from."""
    scale = LONGEST_PX / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def detector_input(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the detector takes [3, H, W] of a picture [h, w, 3] in RGB."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(SEEN_SHORT_PX / min(height, width), SEEN_LONG_PX / max(height, width))
    across, down = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in (width, height))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return _values(cv2.resize(picture, (across, down), interpolation=method))


def find_boxes(seen: NDArray[np.float32], width: int, height: int) -> TextBoxes:
    """Boxes of lines in a picture of that size, from the detector's map [H, W] of it; the largest where many."""
    import cv2

    ink = cv2.dilate((seen > INK).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(ink, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found: list[tuple[float, float, NDArray[np.float32]]] = []
    faint: list[float] = []
    size_px = min(width / seen.shape[1], height / seen.shape[0])  # of one of the map's
    for outline in outlines:
        (x, y), (across, down), angle = cv2.minAreaRect(outline)
        if min(across, down) < SMALLEST_PX:
            continue
        grown = 2 * GROWN * across * down / (2 * (across + down))
        high_px = (min(across, down) + grown) * size_px
        if _mean_inside(seen, cv2.boxPoints(((x, y), (across, down), angle))) < BOX_SCORE:
            faint.append(high_px)
            continue
        corners = cv2.boxPoints(((x, y), (across + grown, down + grown), angle))
        found.append((across * down, high_px, _from_top_left(np.asarray(corners, np.float32))))
    found.sort(key=lambda one: -one[0])
    faint += [high_px for _, high_px, _ in found[MOST_LINES:]]
    if not found:
        return TextBoxes(np.empty((0, 4, 2), np.float32), tuple(faint))
    corners = np.stack([corners for _, _, corners in found[:MOST_LINES]])
    corners *= np.array([width / seen.shape[1], height / seen.shape[0]], np.float32)
    inside = corners.clip(0, np.array([width, height], np.float32))
    return TextBoxes(np.asarray(inside, np.float32), tuple(faint))


def cut_line(picture: NDArray[np.uint8], corners: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A box cut out of a picture as an upright line [h, w, 3]; one on its side is laid down."""
    import cv2

    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = max(1, int(max(sides[0], sides[2]))), max(1, int(max(sides[1], sides[3])))
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    line = cv2.warpPerspective(
        picture,
        cv2.getPerspectiveTransform(corners, flat),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    laid = np.rot90(line) if on_its_side(corners) else line
    return np.ascontiguousarray(laid, np.uint8)


def on_its_side(corners: NDArray[np.float32]) -> bool:
    """Whether a box is so much higher than wide that its line runs up or down."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return bool(max(sides[1], sides[3]) >= UPRIGHT_FORM * max(sides[0], sides[2]))


def line_input(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the recogniser takes [3, 48, W] of a line; W is one of few widths, so that no line depends on others."""
    width = min(max(ceil(LINE_PX * line.shape[1] / line.shape[0]), 1), LONGEST_LINE_PX)
    return _laid(line, width, line_width_px(line.shape[1], line.shape[0]))


def line_width_px(width: float, height: float) -> int:
    """The width at which the recogniser takes a line of that form."""
    width = min(LINE_PX * width / height, LONGEST_LINE_PX)
    return max(SHORTEST_LINE_PX, ceil(width / LINE_STEP_PX) * LINE_STEP_PX)


def turn_input(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the classifier of lines on their head takes [3, 48, 192] of a line."""
    return _laid(line, min(max(ceil(LINE_PX * line.shape[1] / line.shape[0]), 1), TURN_PX), TURN_PX)


def _laid(line: NDArray[np.uint8], width: int, canvas_px: int) -> NDArray[np.float32]:
    import cv2

    laid = np.zeros((3, LINE_PX, canvas_px), np.float32)
    laid[:, :, :width] = _values(cv2.resize(line, (width, LINE_PX), interpolation=cv2.INTER_LINEAR))
    return laid


def _values(picture: Any) -> NDArray[np.float32]:
    """RGB bytes [h, w, 3] → [3, h, w] in BGR, -1 to 1."""
    values = np.asarray(picture, np.float32)[:, :, ::-1].transpose(2, 0, 1)
    return np.ascontiguousarray(values / np.float32(127.5) - np.float32(1))


def _mean_inside(seen: NDArray[np.float32], corners: Any) -> float:
    import cv2

    corner = np.floor(np.min(corners, axis=0)).clip(0).astype(np.int32)
    end = np.ceil(np.max(corners, axis=0)).astype(np.int32) + 1
    part = seen[corner[1] : end[1], corner[0] : end[0]]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - corner).astype(np.int32)], (1,))
    return float(cv2.mean(part, mask)[0])


def _from_top_left(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Order four corners: left top, right top, right bottom, left bottom."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (half[np.argsort(half[:, 1], kind="stable")] for half in (by_x[:2], by_x[2:]))
    return np.stack([left[0], right[0], right[1], left[1]])
