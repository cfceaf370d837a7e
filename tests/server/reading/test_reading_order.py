"""Text in the order in which a person reads it, however it stands in the photo."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_photos import line

from asksight.server.reading.found import Line, Point
from asksight.server.reading.order import Turn, rows, turn_of

PAGE = [["Corner Shop"], ["Milk", "1.29"], ["Bread", "2.40"], ["Total", "3.69"]]


def page(place: Callable[[Point], Point], **more: bool) -> list[Line]:
    """The lines of the page, mixed up; `place` says where a point of the upright page lies in the photo."""
    lines = []
    for down, row in enumerate(PAGE):
        for along, text in enumerate(row):
            flat = line(text, 0.1 + 0.6 * along, 0.2 + 0.1 * down)
            corners = [place(point) for point in flat.corners]
            lines.append(
                Line(text=text, mean=1, least=1, corners=_from_top_left(corners), height_px=40, **more)
            )
    return lines[::-2] + lines[-2::-2]


def _from_top_left(corners: list[Point]) -> tuple[Point, Point, Point, Point]:
    by_x = sorted(corners)
    left, right = (sorted(half, key=lambda point: point[1]) for half in (by_x[:2], by_x[2:]))
    return left[0], right[0], right[1], left[1]


def texts(lines: list[Line], form: float = 1.0) -> list[list[str]]:
    return [[one.text for one in row] for row in rows(lines, form)]


@given(st.floats(-0.3, 0.3))
def test_rows_that_lean_are_put_together(lean: float) -> None:
    along, across = cos(lean), sin(lean)
    turned = page(lambda point: (point[0] * along - point[1] * across, point[0] * across + point[1] * along))
    assert texts(turned) == PAGE


@pytest.mark.parametrize(
    ("turn", "place", "seen"),
    [
        (Turn.UPRIGHT, lambda x, y: (x, y), {}),
        (Turn.ON_HEAD, lambda x, y: (1 - x, 1 - y), {"on_head": True}),
        (Turn.DOWN, lambda x, y: (1 - y, x), {"on_side": True}),
        (Turn.UP, lambda x, y: (y, 1 - x), {"on_side": True, "on_head": True}),
    ],
)
def test_it_is_read_as_it_stands(
    turn: Turn, place: Callable[[float, float], Point], seen: dict[str, bool]
) -> None:
    lines = page(lambda point: place(*point), **seen)
    assert turn_of(lines) is turn
    assert texts(lines) == PAGE


def test_a_photo_that_is_wider_than_high_is_not_seen_as_a_square() -> None:
    """A slope in parts of a wide photo is a smaller one in pixels."""
    lines = [line("left", 0.05, 0.40, height=0.08), line("right", 0.75, 0.43, height=0.08)]
    assert texts(lines, form=3.0) == [["left", "right"]]


def test_no_lines_are_no_rows() -> None:
    assert rows([], 1.0) == []
    assert turn_of([]) is Turn.UPRIGHT
