"""Drawn text that engines of the reader's graphs are compared on, and what must come out the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from asksight.engine.plans.text_baseline import TextSamples
from asksight.engine.text_models import TextStage
from asksight.photos.text import (
    LINE_PX,
    LONGEST_LINE_PX,
    SEEN_LONG_PX,
    SEEN_SHORT_PX,
    SHORTEST_LINE_PX,
    STRIDE,
    TURN_PX,
    cut_line,
    detector_input,
    find_boxes,
    line_input,
    turn_input,
)

from .stages import AT_ONCE_PX, CERTAIN_TURN, characters_of

WORDS = (
    "Best before", "Room", "TOTAL", "Push bar to open", "Whole milk", "Exit", "Net weight 500 g", "Platform", "Open",
    "Käse", "Please wait here", "Way out", "EUR", "Do not enter", "Ingredients: water, sugar, salt", "Gate", "Café",
)  # fmt: skip
SIZES = ((960, 1280), (1280, 960), (1200, 700), (736, 736), (700, 1300), (900, 1200))  # of pages, px
LINES = 12  # of a page
APART_PX = 4.0  # of the map, by which a corner of a line may differ


def drawn_samples(characters: Sequence[str], pages: int = len(SIZES)) -> dict[TextStage, TextSamples]:
    """Twelve lines on each page; the same at each call. `characters` are those of the recogniser."""
    random = np.random.default_rng(0)
    drawn = [_page(width, height, random) for width, height in SIZES[:pages]]
    lines = [cut_line(pixels, corners) for pixels, boxes in drawn for corners in boxes]
    by_width: dict[int, list[NDArray[np.float32]]] = {}
    for line in lines:
        made = line_input(line)
        by_width.setdefault(made.shape[2], []).append(made)
    turned = [turn_input(np.ascontiguousarray(one)) for line in lines for one in (line, np.rot90(line, 2))]
    most = AT_ONCE_PX // SHORTEST_LINE_PX, AT_ONCE_PX // TURN_PX  # rows of lines
    return {
        TextStage.FINDER: TextSamples(
            batches=[detector_input(pixels)[None] for pixels, _ in drawn],
            alike=_same_boxes,
            least=(1, 3, STRIDE, STRIDE),
            typical=(1, 3, SEEN_SHORT_PX, 4 * SEEN_SHORT_PX // 3 // STRIDE * STRIDE),
            most=(1, 3, SEEN_LONG_PX, SEEN_LONG_PX),
        ),
        TextStage.TURNER: TextSamples(
            batches=_batches(turned, most[1]),
            alike=lambda wanted, got: [(wanted[1] > CERTAIN_TURN) == (got[1] > CERTAIN_TURN)],
            least=(1, 3, LINE_PX, TURN_PX),
            typical=(most[1], 3, LINE_PX, TURN_PX),
            most=(most[1], 3, LINE_PX, TURN_PX),
        ),
        TextStage.LINE_READER: TextSamples(
            batches=[
                batch
                for width, rows in sorted(by_width.items())
                for batch in _batches(rows, max(1, AT_ONCE_PX // width))
            ],
            alike=partial(_same_text, characters),
            least=(1, 3, LINE_PX, SHORTEST_LINE_PX),
            typical=(most[0] // 2, 3, LINE_PX, SHORTEST_LINE_PX),
            most=(most[0], 3, LINE_PX, LONGEST_LINE_PX),
        ),
    }


def _batches(rows: Sequence[NDArray[np.float32]], size: int) -> list[NDArray[np.float32]]:
    return [np.stack(rows[at : at + size]) for at in range(0, len(rows), size)]


def _page(
    width: int, height: int, random: np.random.Generator
) -> tuple[NDArray[np.uint8], list[NDArray[np.float32]]]:
    """A page [height, width, 3], and where its lines are, [4, 2] each."""
    ground, ink = ((235, 30), (40, 220))[int(random.integers(2))]
    page = Image.new("RGB", (width, height), (ground,) * 3)
    draw, boxes = ImageDraw.Draw(page), []
    for row in range(LINES):
        text = (
            f"{WORDS[int(random.integers(len(WORDS)))]} {random.integers(1000) / 10 ** random.integers(3):g}"
        )
        font = ImageFont.load_default(float(random.integers(22, min(height // LINES - 14, 48))))
        at = (int(random.integers(20, width // 3)), 10 + row * (height - 20) // LINES)
        draw.text(at, text, (ink,) * 3, font)
        left, top, right, bottom = draw.textbbox(at, text, font)
        corners = [(left - 4, top - 4), (right + 4, top - 4), (right + 4, bottom + 4), (left - 4, bottom + 4)]
        boxes.append(np.array(corners, np.float32).clip(0, (width, height)).astype(np.float32))
    pixels = np.asarray(page.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    noise = random.normal(0, 6, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8), boxes


def _same_boxes(wanted: NDArray[Any], got: NDArray[Any]) -> list[bool]:
    """Of maps [1, H, W]: whether each line of either is where one of the other is."""
    height, width = wanted.shape[1:]
    first, second = (find_boxes(one[0], width, height).corners for one in (wanted, got))
    apart = np.abs(first[:, None] - second[None]).max(axis=(2, 3), initial=0)  # [lines of one, of the other]
    near = apart <= APART_PX
    return [*near.any(axis=1).tolist(), *[False] * int((~near.any(axis=0)).sum())]


def _same_text(characters: Sequence[str], wanted: NDArray[Any], got: NDArray[Any]) -> list[bool]:
    return [characters_of(wanted, characters).text == characters_of(got, characters).text]
