"""One photo's text: found once for all who ask meanwhile, given up with the last of them, remembered; bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import numpy as np
import pytest
from loop_rig import in_loop, soon, turns
from numpy.typing import NDArray
from photo_files import photo
from reader_rig import ReaderRig, outcome

from asksight.engine.base import Arrays
from asksight.engine.text_models import TextStage
from asksight.server.errors import ImageNotFound, InternalError, InvalidAsk, Overloaded, Unavailable
from asksight.server.limits import Limits
from asksight.server.observer import CacheUse
from asksight.server.reading import begun, reader

FILE = photo(seed=1)


@asynccontextmanager
async def rig(limits: Limits | None = None, *, lines: int = 1) -> AsyncIterator[ReaderRig]:
    made = ReaderRig(limits, lines=lines)
    try:
        yield made
    finally:
        await made.close()


@in_loop
async def test_what_three_engines_find_is_a_line_with_its_place() -> None:
    async with rig() as bench:
        read = await bench.read(FILE)
        (line,) = read.text.lines
        assert (line.text, line.mean, line.least) == ("ab", 1.0, 1.0)
        assert line.left < 0.25 < 0.75 < line.right  # a little larger than what the finder marked
        assert line.top < 0.25 < 0.5 < line.bottom
        assert (read.cached, read.text.unread_px) == (False, ())


@in_loop
async def test_those_who_ask_meanwhile_share_a_run_and_later_ones_its_text() -> None:
    async with rig() as bench:
        finder = bench.engines[TextStage.FINDER]
        finder.gate = Event()
        first, second = bench.read(FILE), bench.read(FILE)
        await soon(finder.entered.is_set)
        third = bench.read(image_id=None, photo=FILE)
        await turns()
        finder.gate.set()
        read = await asyncio.gather(first, second, third)
        assert [one.cached for one in read] == [False, True, True]
        assert len({id(one.text) for one in read}) == 1
        again = await bench.read(image_id=read[0].image_id)
        assert again.text is read[0].text
        assert finder.batch_sizes == [1]
        assert bench.uses == [CacheUse.MISS, CacheUse.SHARED, CacheUse.SHARED, CacheUse.HIT]
        assert bench.reader.in_flight == {}


@pytest.mark.parametrize("held", TextStage)
@in_loop
async def test_when_all_leave_what_was_not_begun_never_is(held: TextStage) -> None:
    async with rig() as bench:
        engine = bench.engines[held]
        engine.gate = Event()
        first, second = bench.read(FILE), bench.read(photo(seed=2))
        await soon(engine.entered.is_set)
        for task in (first, second):
            task.cancel()
        await turns()
        engine.gate.set()
        await soon(lambda: not bench.reader.in_flight)
        assert len(bench.reader.cache) == 0
        if held is TextStage.FINDER:  # of two photos one was in it, and the other had not begun
            assert sum(engine.batch_sizes) == 1
            assert bench.engines[TextStage.LINE_READER].batch_sizes == []


@in_loop
async def test_who_stays_gets_the_text_when_the_first_has_left() -> None:
    async with rig() as bench:
        finder = bench.engines[TextStage.FINDER]
        finder.gate = Event()
        first, second = bench.read(FILE), bench.read(FILE)
        await soon(finder.entered.is_set)
        first.cancel()
        await turns()
        finder.gate.set()
        assert (await second).text.lines[0].text == "ab"


@pytest.mark.parametrize("broken", TextStage)
@in_loop
async def test_an_engine_that_fails_fails_those_who_wait_and_nothing_is_kept(broken: TextStage) -> None:
    async with rig() as bench:
        bench.engines[broken].failure = RuntimeError("no")
        found = await outcome(bench.read(FILE))
        assert isinstance(found, InternalError)
        assert len(bench.reader.cache) == 0
        bench.engines[broken].failure = None
        assert (await bench.read(FILE)).text.lines


@in_loop
async def test_numbers_that_are_none_fail_their_own_photo() -> None:
    async with rig() as bench:
        nan = {"y": np.full((1, 5, 3), np.nan, np.float32)}
        bench.engines[TextStage.LINE_READER]._function = lambda arrays: nan
        assert isinstance(await outcome(bench.read(FILE)), InternalError)


@in_loop
async def test_a_run_that_was_given_up_leaves_the_lines_that_it_read_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(begun, "PART_PX", 1)  # line by line
    async with rig(lines=5) as bench:
        finder, line_reader = bench.engines[TextStage.FINDER], bench.engines[TextStage.LINE_READER]
        reads, held = line_reader._function, Event()

        def two_lines(arrays: Arrays) -> dict[str, NDArray[Any]]:
            if len(line_reader.batch_sizes) == 2:
                line_reader.gate = held  # for what comes after them
            return dict(reads(arrays))

        line_reader._function = two_lines
        first = bench.read(FILE)
        await soon(lambda: len(line_reader.batch_sizes) == 3)
        first.cancel()
        await turns()
        held.set()
        await soon(lambda: not bench.reader.in_flight)
        assert line_reader.batch_sizes == [1, 1, 1]
        read = await bench.read(FILE)
        assert (len(read.text.lines), read.text.rest) == (5, 0)
        assert len(line_reader.batch_sizes) == 3 + 3  # nobody waited for the third any more
        assert finder.batch_sizes == [1]


@in_loop
async def test_what_does_not_fit_before_the_deadline_is_left_for_who_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(begun, "PART_PX", 1)
    monkeypatch.setattr(reader, "SLOWER", 1e9)  # no further part fits
    async with rig(lines=3) as bench:
        soon_s = time.monotonic() + 60.0
        first = await bench.read(FILE, deadline_s=soon_s)
        assert (len(first.text.lines), first.text.rest, len(first.text.unread_px)) == (1, 2, 2)
        assert first.text.lines[0].top < 0.1  # the one at the top
        # Whoever has no photo has to send it: what was read so far is no answer to remember.
        assert isinstance(await outcome(bench.read(image_id=first.image_id)), ImageNotFound)
        second = await bench.read(FILE, deadline_s=soon_s)
        assert (len(second.text.lines), second.text.rest) == (2, 1)
        assert first.text.lines[0] in second.text.lines
        last = await bench.read(FILE)  # who waits for ever has all
        assert (len(last.text.lines), last.text.rest, last.text.unread_px) == (3, 0, ())
        assert bench.engines[TextStage.FINDER].batch_sizes == [1]
        assert (await bench.read(image_id=first.image_id)).text is last.text


@in_loop
async def test_so_many_photos_and_no_more() -> None:
    async with rig(Limits(reads=1)) as bench:
        finder = bench.engines[TextStage.FINDER]
        finder.gate = Event()
        first = bench.read(FILE)
        await soon(finder.entered.is_set)
        refused = await outcome(bench.read(photo(seed=2)))
        assert isinstance(refused, Overloaded)
        assert refused.retry_after_s
        finder.gate.set()
        await first
        assert (await bench.read(photo(seed=2))).text.lines


@in_loop
async def test_who_would_come_too_late_is_refused_at_once() -> None:
    async with rig() as bench:
        finder = bench.engines[TextStage.FINDER]
        bench.reader.finder._queue.rate.ran(1, 10.0)  # seconds a photo
        finder.gate = Event()
        first = bench.read(FILE)
        await soon(finder.entered.is_set)
        late = await outcome(bench.read(photo(seed=2), deadline_s=time.monotonic() + 5.0))
        assert isinstance(late, Overloaded)
        finder.gate.set()
        await first


@in_loop
async def test_what_is_no_photo_or_not_known() -> None:
    async with rig() as bench:
        assert isinstance(await outcome(bench.read(image_id="0" * 64)), ImageNotFound)
        assert isinstance(await outcome(bench.read(image_id="?")), InvalidAsk)
        assert isinstance(await outcome(bench.read(b"no photo")), InvalidAsk)
        assert isinstance(await outcome(bench.read()), InvalidAsk)


@in_loop
async def test_closing_fails_what_waits_and_closes_the_engines() -> None:
    bench = ReaderRig()
    finder = bench.engines[TextStage.FINDER]
    finder.gate = Event()
    first, second = bench.read(FILE), bench.read(photo(seed=2))
    await soon(lambda: finder.entered.is_set() and bench.reader.finder.waiting == 1)
    closing = asyncio.create_task(bench.reader.close(drain=False))
    await turns()
    finder.gate.set()
    await closing
    # The one that was in an engine may have been read in time, or not; the one that waited was not.
    assert Unavailable in {type(await outcome(one)) for one in (first, second)}
    assert all(engine.closed for engine in bench.engines.values())
    assert not bench.reader.healthy
    bench.decoders.end()
