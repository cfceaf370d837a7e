"""The curves: every point of a line lies where its axes say, and a callers' turn counts what was answered."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import pytest
from peers.curves import SCENES, cache_curve, crowd, known, large_photo, picture, point, serving
from peers.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale, chart, short


def test_a_line_runs_from_corner_to_corner_of_its_axes() -> None:
    drawn = chart(
        "a & b", "callers", "ms", {"p50": [(1, 1), (10, 10), (100, 100)], "p99": [(1, 100), (100, 1)]}
    )
    lines = [
        one.get("d", "") for one in ElementTree.fromstring(drawn).iter() if "line" in one.get("class", "")
    ]
    first, second = ([float(number) for number in re.findall(r"[\d.]+", line)] for line in lines)
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    assert first == [LEFT, bottom, (LEFT + right) / 2, (TOP + bottom) / 2, right, TOP]
    assert second == [LEFT, TOP, right, bottom]


@pytest.mark.parametrize(("values", "ticks"), [((1, 2000), [1, 10, 100, 1000]), ((4, 25), [5, 10, 20])])
def test_an_axis_has_round_numbers_within_its_ends(values: tuple[float, float], ticks: list[float]) -> None:
    assert Scale(values, 0, 1).ticks() == pytest.approx(ticks)


def test_large_numbers_are_short() -> None:
    assert [short(value) for value in (0.5, 20, 2_000, 1_000_000)] == ["0.5", "20", "2 k", "1 M"]


def test_a_crowd_over_many_connections_is_answered() -> None:
    with serving(SCENES) as (tree, port):
        turn = crowd(tree, port, itertools.cycle(known(port)), 20, 0.3)
    assert turn["asks_per_s"] > 0
    assert turn["failed"] == 0
    assert turn["p50_ms"] <= turn["p99_ms"]


def test_figures_are_medians_of_turns() -> None:
    one = point("cache", 10, "look-up", [{"find_us": 1.0}, {"find_us": 9.0}, {"find_us": 2.0}])
    assert one.figures == {"find_us": 2.0}
    assert "1 M" not in picture("cache", [one])


def test_photos_are_as_large_as_they_are_said_to_be() -> None:
    assert large_photo((640, 480)).startswith(b"\xff\xd8")
    assert next(cache_curve(1, 0)).figures["find_us"] > 0
