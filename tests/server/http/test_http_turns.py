"""Large bodies take turns: each gets its own, and together they keep to the rate."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from asksight.server.http.turns import BURST_S, BYTES_PER_S, COST, FREE_BYTES, Turns


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time goes on only when nothing is left to do, straight to the next timer."""

    now_s = 1000.0

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now_s = max(self.now_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


async def read_bodies(count: int, chunks: int) -> tuple[float, list[int]]:
    """How long `count` bodies of so many chunks take, and the order in which they were read."""
    loop, turns, order = asyncio.get_running_loop(), Turns(), list[int]()
    began_s = loop.time()

    async def one(number: int) -> None:
        for _ in range(chunks):
            more = asyncio.Event()
            turns.take(FREE_BYTES, more.set)
            await more.wait()
            order.append(number)

    await asyncio.gather(*(one(number) for number in range(count)))
    return loop.time() - began_s, order


def run(count: int, chunks: int) -> tuple[float, list[int]]:
    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(read_bodies(count, chunks))


def test_many_bodies_keep_to_the_rate_together() -> None:
    took_s, order = run(count=8, chunks=20)
    sent = FREE_BYTES * len(order)
    assert took_s == pytest.approx(sent / BYTES_PER_S, rel=0.2)


def test_each_has_its_turn() -> None:
    _, order = run(count=8, chunks=20)
    for turn in range(0, len(order), 8):
        assert set(Counter(order[turn : turn + 8]).values()) == {1}


def test_one_photo_alone_waits_for_nothing() -> None:
    chunks = int(BURST_S * BYTES_PER_S) // FREE_BYTES
    took_s, _ = run(count=1, chunks=chunks)
    assert took_s == pytest.approx(0.0, abs=1e-3)


def test_parsing_is_paid_for_and_may_take_the_next_turn_within_one() -> None:
    async def parse(times: int) -> float:
        loop, turns, done = asyncio.get_running_loop(), Turns(), asyncio.Event()
        began_s, left = loop.time(), times

        def go_on() -> None:
            nonlocal left
            left -= 1
            if left:
                turns.take(0, go_on, parsed_s=0.01)
            else:
                done.set()

        turns.take(0, go_on, parsed_s=0.01)
        await done.wait()
        return loop.time() - began_s

    with asyncio.Runner(loop_factory=Clock) as runner:
        assert runner.run(parse(100)) == pytest.approx(100 * 0.01 * COST - BURST_S, rel=0.1)
