"""load_async(): a bundle in this process, for asyncio: the same answers and errors; who leaves is not answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from served import PHOTOS
from waiting import until

from asksight.client import (
    AskSightError,
    AsyncClient,
    ClosedError,
    DeadlineError,
    InvalidAskError,
    LoadError,
    Reply,
    load_async,
)

STAR = PHOTOS / "star.jpg"
MANY = 40


@asynccontextmanager
async def scenes() -> AsyncIterator[AsyncClient]:
    async with await load_async("scenes") as client:
        yield client


def run(use: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async def used() -> Any:
        async with scenes() as client:
            return await use(client)

    return asyncio.run(used())


def test_it_answers_many_at_once_without_a_thread_for_each() -> None:
    async def ask(client: AsyncClient) -> int:
        asks = [asyncio.create_task(client.ask(STAR.read_bytes(), "What is this?")) for _ in range(MANY)]
        before = most = threading.active_count()
        while not all(one.done() for one in asks):
            most = max(most, threading.active_count())
            await asyncio.sleep(0.001)
        assert {one.result().answer for one in asks} == {"star"}
        return most - before

    assert run(ask) < MANY // 2  # those that read photos, and the pool has no more than cores and four


def test_a_batch_has_each_outcome_in_its_place() -> None:
    async def ask(client: AsyncClient) -> list[Reply | AskSightError]:
        return await client.ask_many([(STAR, "What is this?"), (b"no photo", "What is this?")])

    good, bad = run(ask)
    assert good.answer == "star"
    assert isinstance(bad, InvalidAskError)


def test_a_conversation_knows_the_turn_before() -> None:
    async def ask(client: AsyncClient) -> Reply:
        async with client.conversation(STAR) as talk:
            await talk.ask("What is this?")
            return await talk.ask("And what colour is it?")

    assert run(ask).question == "what colour is the star?"


def test_a_deadline_is_kept() -> None:
    async def ask(client: AsyncClient) -> None:
        with pytest.raises(DeadlineError):
            await client.ask(STAR, "What is this?", timeout=1e-6)
        assert (await client.ask(STAR, "What is this?")).answer == "star"

    run(ask)


def test_who_is_cancelled_leaves_at_once() -> None:
    async def ask(client: AsyncClient) -> None:
        asking = asyncio.create_task(client.ask(STAR, "What is this?"))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await client.model()).name == "scenes"

    run(ask)


def test_a_closed_one_says_so() -> None:
    async def closed() -> None:
        client = await load_async("scenes")
        await client.close()
        await client.close()
        with pytest.raises(ClosedError):
            await client.ask(STAR, "What is this?")

    asyncio.run(closed())


def test_the_loop_goes_on_while_it_is_opened(tmp_path: Path) -> None:
    async def opened() -> int:
        opening = asyncio.create_task(load_async("scenes"))
        turns = 0
        while not opening.done():
            turns += 1
            await asyncio.sleep(0.001)
        await opening.result().close()
        return turns

    assert asyncio.run(opened()) > 3
    with pytest.raises(LoadError):
        asyncio.run(load_async(tmp_path / "none"))


def test_who_leaves_while_it_is_opened_leaves_nothing_behind() -> None:
    async def left() -> None:
        opening = asyncio.create_task(load_async("scenes"))
        await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    before = threading.active_count()
    for _ in range(2):
        asyncio.run(left())  # which waits for the thread
    until(lambda: threading.active_count() <= before)
