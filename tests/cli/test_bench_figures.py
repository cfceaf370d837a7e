"""What `asksight bench` decides: when asks are due, what they ask, what counts, and how it is drawn."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Iterator
from itertools import count, islice, pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from photo_files import encoded, photo, picture, webp_of_frames

from asksight.cli.bench.choices import Choice, choices
from asksight.cli.bench.errors import BenchError
from asksight.cli.bench.figures import EDGES_MS, StepFigures, Usage, histogram, make_row, percentile
from asksight.cli.bench.load import callers, rates
from asksight.cli.bench.loops import closed_loop, open_loop, under_way_limit
from asksight.cli.bench.material import read_material
from asksight.cli.bench.new_photos import made_new
from asksight.cli.bench.pacer import Pacer
from asksight.cli.bench.picture import draw, log_ticks, ticks
from asksight.cli.bench.schedule import arrivals
from asksight.cli.bench.table import row_lines
from asksight.cli.bench.tally import NOT_SENT, OK, TIMED_OUT, AskOutcome, Tally
from asksight.photos.decode import check_photo, decode
from asksight.photos.limits import PhotoLimits

SVG = "{http://www.w3.org/2000/svg}"


def test_arrivals_are_those_of_their_seed_and_as_many_as_the_rate_says() -> None:
    due = list(arrivals(200, 50, seed=3))
    assert due == list(arrivals(200, 50, seed=3)) != list(arrivals(200, 50, seed=4))
    assert due[0] > 0
    assert due == sorted(due)
    assert due[-1] < 50
    assert abs(len(due) - 10_000) < 4 * math.sqrt(10_000)  # four deviations of a Poisson count
    gaps = [after - before for before, after in pairwise(due)]
    longer = sum(gap > 1 / 200 for gap in gaps) / len(gaps)
    assert abs(longer - math.exp(-1)) < 0.02  # exponential, and not a metronome


def test_choices_follow_their_seed_and_their_share() -> None:
    def draw_them(follow_ups: float) -> list[Choice]:
        chosen = choices(photos=9, known=2, questions=3, follow_ups=follow_ups, seed=1)
        return list(islice(chosen, 2000))

    assert draw_them(0.25) == draw_them(0.25)
    assert not any(follow_up for _, _, follow_up in draw_them(0))
    assert all(follow_up for _, _, follow_up in draw_them(1))
    mixed = draw_them(0.25)
    assert 400 < sum(follow_up for _, _, follow_up in mixed) < 600
    assert {one for one, _, follow_up in mixed if follow_up} == {0, 1}
    assert {one for one, _, follow_up in mixed if not follow_up} == set(range(9))
    assert {question for _, question, _ in mixed} == {0, 1, 2}


@pytest.mark.parametrize("count", [1, 2, 9, 10, 999, 1000, 1001])
def test_percentiles_are_the_smallest_value_that_so_many_do_not_exceed(count: int) -> None:
    values = sorted(random.Random(count).choices(range(300), k=count))
    for per_mille in (1, 500, 900, 990, 999, 1000):
        slow_twin = next(
            one for one in values if sum(other <= one for other in values) * 1000 >= per_mille * count
        )
        assert percentile([float(one) for one in values], per_mille) == slow_twin


def test_the_histogram_counts_each_ask_once_and_edges_from_below() -> None:
    counted = dict(histogram(np.array([0.5, 1.0, 1.1, 99.0, 100.0, 100.1, 20_000.0])))
    assert list(counted) == [*EDGES_MS, None]
    assert sum(counted.values()) == 7
    assert (counted[1], counted[2], counted[100], counted[200], counted[None]) == (2, 1, 2, 1, 1)


def test_an_ask_counts_when_it_was_due_and_an_answer_when_it_came() -> None:
    tally = Tally(10.0, 20.0, timeout_s=5.0)
    tally.add(AskOutcome(OK, "answered"), due_s=9.0, sent_s=9.0, done_s=10.5)  # due before, answered within
    tally.add(AskOutcome(OK, "unsure", resent=True, follow_up=True), due_s=11.0, sent_s=11.25, done_s=12.0)
    tally.add(AskOutcome(OK, "answered"), due_s=19.0, sent_s=19.0, done_s=23.0)  # due within, answered after
    tally.add(AskOutcome(TIMED_OUT), due_s=12.0, sent_s=12.0, done_s=16.9)
    tally.add(AskOutcome(OK, "answered"), due_s=12.0, sent_s=12.0, done_s=17.5)  # too late for who asked
    tally.add(AskOutcome("RESOURCE_EXHAUSTED"), due_s=12.0, sent_s=12.0, done_s=12.001)
    tally.add(AskOutcome(NOT_SENT), due_s=21.0, sent_s=21.0, done_s=21.0)  # due after
    row = make_row(tally, Usage(lasted_s=10.0, generator_s=2.0, server_s=4.0), rate=0.4)
    assert (row.asks, row.asks_per_s, row.resent) == (5, 0.2, 1)
    assert row.failed == {TIMED_OUT: 2, "RESOURCE_EXHAUSTED": 1}
    assert row.verdicts == {"answered": 1, "unsure": 1}
    # 1 s from when it was due, 4 s, and the timeout; the refusal, which was quick, is none of them.
    assert row.latency_ms == {"p50": 4000.0, "p90": 5000.0, "p99": 5000.0, "p99_9": 5000.0, "max": 5000.0}
    assert set(row.follow_up_ms.values()) == {1000.0}
    assert (row.new_ms["p50"], row.new_ms["max"]) == (5000.0, 5000.0)  # 4 s, and the timeout twice
    assert row.late_ms == {"p99": 250.0, "max": 250.0}
    assert (row.generator_cpu, row.server_cpu_ms) == (0.2, 2000.0)
    assert "≥5,000" in next(row_lines(row))
    assert not row.notes


def row_of(
    *,
    callers: int | None = 1,
    rate: float | None = None,
    latency_s: float = 0.01,
    late_s: float = 0,
    cpu: float = 0.1,
) -> StepFigures:
    tally = Tally(0.0, 1.0, timeout_s=5.0)
    for turn in range(100):
        due_s = turn / 200
        tally.add(AskOutcome(OK, "answered"), due_s=due_s, sent_s=due_s + late_s, done_s=due_s + latency_s)
    return make_row(tally, Usage(lasted_s=1.0, generator_s=cpu), callers=callers, rate=rate)


def test_a_busy_or_late_generator_is_said() -> None:
    assert row_of().notes == []
    assert "97% of a core" in "".join(row_of(cpu=0.97).notes)
    assert "6.0 ms late" in "".join(row_of(callers=None, rate=100, late_s=0.006).notes)
    assert row_of(callers=None, rate=100, late_s=0.001).notes == []


def test_a_row_without_an_answer_has_no_figures_that_need_one() -> None:
    tally = Tally(0.0, 1.0, timeout_s=5.0)
    tally.add(AskOutcome("UNAVAILABLE"), due_s=0.5, sent_s=0.5, done_s=0.5)
    row = make_row(tally, Usage(lasted_s=1.0, generator_s=0.1, server_s=0.1), callers=1)
    assert set(row.latency_ms.values()) == set(row.new_ms.values()) == {None}
    assert row.server_cpu_ms is None
    assert "UNAVAILABLE 1" in "\n".join(row_lines(row))
    assert "<circle" not in draw([row], "nothing")


def test_steps_are_read_or_refused_with_what_is_allowed() -> None:
    assert callers("1, 8,64") == (1, 8, 64)
    assert rates("50,0.5") == (50, 0.5)
    for text in ("", "1,,2", "a", "0", "-1", "1.5", "nan", "inf", "99999"):
        with pytest.raises(ValueError, match="as in 1,8,64"):
            callers(text)
    for text in ("0", "-5", "1e9"):
        with pytest.raises(ValueError, match="above 0"):
            rates(text)


FILES = {
    "JPEG": photo("JPEG"),
    "progressive": encoded(picture(), "JPEG", progressive=True),
    "PNG": photo("PNG"),
    "palette PNG": encoded(picture().quantize(16), "PNG"),
    "PNG and more": photo("PNG") + b"more",
    "lossy WebP": photo("WEBP"),
    "lossless WebP": encoded(picture(), "WEBP", lossless=True),
    "WebP with alpha": encoded(picture().convert("RGBA"), "WEBP"),
    "animated WebP": webp_of_frames(3),
}


@pytest.mark.parametrize("name", FILES)
def test_a_photo_made_new_is_another_file_and_the_same_picture(name: str) -> None:
    def pixels(file: bytes) -> bytes:
        return decode(file, check_photo(file, PhotoLimits()), smallest_px=32).tobytes()

    old = FILES[name]
    new = [made_new(old, number.to_bytes(16, "big")) for number in (0, 1)]
    assert len({old, *new}) == 3
    for file in new:
        assert file is not None
        assert pixels(file) == pixels(old)


@pytest.mark.parametrize("file", [b"GIF89a", b"", photo("PNG")[:-12], photo("WEBP")[:-2], b"RIFF"])
def test_what_cannot_be_made_new_is_told_apart(file: bytes) -> None:
    assert made_new(file, bytes(16)) is None


def test_photos_and_questions_are_read_or_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"holds no photo.*\.jpg"):
        read_material(tmp_path, None)
    (tmp_path / "b.PNG").write_bytes(photo("PNG"))
    (tmp_path / "a.jpg").write_bytes(b"GIF89a")
    (tmp_path / "notes.txt").write_text("none\n\n  What is this? \n")
    material = read_material(tmp_path, tmp_path / "notes.txt")
    assert material.names == ("a.jpg", "b.PNG")
    assert material.never_new == ["a.jpg"]
    assert material.questions == ("none", "What is this?")
    (tmp_path / "notes.txt").write_text("\n")
    with pytest.raises(BenchError, match="no question"):
        read_material(None, tmp_path / "notes.txt")
    (tmp_path / "notes.txt").write_bytes(b"What\xff")
    with pytest.raises(BenchError, match="byte 4"):
        read_material(None, tmp_path / "notes.txt")


def test_a_closed_loop_keeps_its_callers_asking_and_no_more() -> None:
    asking = most = 0

    async def ask(_due_s: float) -> AskOutcome:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0)
        asking -= 1
        return AskOutcome(OK)

    looks = count()  # a clock that moves when it is looked at
    tally = Tally(0, 100, timeout_s=1000)
    asyncio.run(closed_loop(5, ask, tally, clock=lambda: next(looks)))
    assert most == 5
    assert tally.codes[OK] > 40  # two looks an ask


def test_an_open_loop_that_is_full_sends_nothing_and_counts_what_it_did_not_send() -> None:
    all_due = asyncio.Event()
    now_s = time.monotonic()

    def due() -> Iterator[float]:
        yield from [now_s] * 7
        all_due.set()

    async def ask(_due_s: float) -> AskOutcome:
        await all_due.wait()
        return AskOutcome(OK)

    tally = Tally(now_s, now_s + 60, timeout_s=2.0)
    asyncio.run(open_loop(due(), ask, tally, most=3))
    assert tally.codes == {OK: 3, NOT_SENT: 4}
    assert sorted(tally.latency_s)[3:] == [2.0] * 4


def test_asks_under_way_are_bounded_by_number_and_by_bytes() -> None:
    assert under_way_limit(2_000) == 10_000
    assert under_way_limit(2**20) == 512
    assert under_way_limit(2**30) == 64


def test_the_pacer_begins_what_is_due_never_early_and_ends_when_it_is_cancelled() -> None:
    early = []

    async def paced() -> None:
        start_s = time.monotonic()
        due = [start_s + one for one in arrivals(500, 0.2, seed=1)]
        await Pacer(iter(due), lambda due_s: early.append(time.monotonic() < due_s)).run()
        endless = asyncio.create_task(Pacer(iter([start_s + 3600]), print).run())
        await asyncio.sleep(0)
        endless.cancel()
        await asyncio.gather(endless, return_exceptions=True)

    asyncio.run(paced())
    assert len(early) == len(list(arrivals(500, 0.2, seed=1)))
    assert not any(early)
    assert "pacer" not in {thread.name for thread in threading.enumerate()}


def test_the_picture_is_xml_and_holds_each_row_twice() -> None:
    rows = [row_of(callers=one, latency_s=one / 100) for one in (1, 8, 64)]
    drawn = ElementTree.fromstring(draw(rows, "a <model> & more"))
    assert drawn.tag == f"{SVG}svg"
    assert drawn.findtext(f"{SVG}title") == "a <model> & more"
    assert "prefers-color-scheme: dark" in (drawn.findtext(f"{SVG}style") or "")
    texts = {text.text for text in drawn.iter(f"{SVG}text")}
    assert {"p50", "p99", "latency, ms", "asks answered a second", "1", "8", "64"} <= texts
    for name in ("p50", "p99"):
        group = next(one for one in drawn.iter(f"{SVG}g") if one.get("class") == name)
        points = list(group.iter(f"{SVG}circle"))
        assert len(points) == 3
        heights = [float(point.get("cy", "")) for point in points]
        assert heights == sorted(heights, reverse=True)  # slower is higher
        assert all(64 <= one <= 384 for one in heights)


@pytest.mark.parametrize("largest", [0.3, 1, 7, 10, 99.9, 1234, 5e5])
def test_ticks_are_few_and_reach_the_largest(largest: float) -> None:
    found = ticks(largest)
    assert found[0] == 0
    assert found[-2] < largest <= found[-1] * (1 + 1e-9)
    assert len(found) <= 8
    powers = log_ticks(largest / 30, largest)
    assert powers[0] <= largest / 30
    assert powers[-1] >= largest
    assert len(log_ticks(largest, largest)) >= 2
