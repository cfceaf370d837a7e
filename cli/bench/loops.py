"""The two ways to ask. Closed: each caller waits for its answer. Open: asks begin when they are due, come what may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from .pacer import Pacer
from .tally import NOT_SENT, AskOutcome, Tally

Ask = Callable[[float], Awaitable[AskOutcome]]  # given when it was due
Clock = Callable[[], float]

MAX_UNDER_WAY = 10_000  # some 20 kB each, beside the photo
MAX_BYTES_UNDER_WAY = 512 * 2**20


def under_way_limit(largest_photo: int) -> int:
    """How many asks of an open loop may be under way, so that a server that falls behind does not fill this memory."""
    return max(64, min(MAX_UNDER_WAY, MAX_BYTES_UNDER_WAY // max(1, largest_photo)))


async def closed_loop(callers: int, ask: Ask, tally: Tally, clock: Clock = time.monotonic) -> None:
    """Keep so many callers asking until the window ends, and wait for their last answers."""

    async def call() -> None:
        while (due_s := clock()) < tally.ends_s:
            outcome = await ask(due_s)
            tally.add(outcome, due_s=due_s, sent_s=due_s, done_s=clock())

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(call())


async def open_loop(
    due: Iterator[float], ask: Ask, tally: Tally, *, most: int, clock: Clock = time.monotonic
) -> None:
    """Begin an ask at each moment of `due`, by the clock, and wait for the last answers.

    While `most` are under way, asks that become due are not sent, and count as failed.
    """
    under_way = 0

    async def ask_once(due_s: float) -> None:
        nonlocal under_way
        sent_s = clock()
        outcome = await ask(due_s)
        under_way -= 1
        tally.add(outcome, due_s=due_s, sent_s=sent_s, done_s=clock())

    async with asyncio.TaskGroup() as group:

        def begin(due_s: float) -> None:
            nonlocal under_way
            if under_way >= most:
                now_s = clock()
                tally.add(AskOutcome(NOT_SENT), due_s=due_s, sent_s=now_s, done_s=now_s)
                return
            under_way += 1
            group.create_task(ask_once(due_s))

        await Pacer(due, begin, clock).run()
