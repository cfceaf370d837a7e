"""What only the asyncio client can do: many asks at once in one loop, and being cancelled."""

from __future__ import annotations

import asyncio
import threading

import grpc
from fake_service import FakeService

from asksight.client import connect_async


def test_many_asks_at_once_each_get_their_own_answer(target: str) -> None:
    async def ask_all() -> list[str | None]:
        async with connect_async(target) as client:
            asks = (client.ask(b"photo %d" % (row % 5), f"question {row}") for row in range(100))
            return [reply.answer for reply in await asyncio.gather(*asks)]

    assert asyncio.run(ask_all()) == [f"question {row}" for row in range(100)]


def test_a_cancelled_ask_is_cancelled_at_the_server(target: str, service: FakeService) -> None:
    begun, ended = threading.Event(), threading.Event()

    def wait_for_the_end(context: grpc.ServicerContext) -> None:
        context.add_callback(ended.set)
        begun.set()
        ended.wait(30)

    service.before = wait_for_the_end

    async def cancel() -> bool:
        async with connect_async(target) as client:
            asking = asyncio.create_task(client.ask(b"one", "red?"))
            await asyncio.to_thread(begun.wait, 30)
            asking.cancel()
            (outcome,) = await asyncio.gather(asking, return_exceptions=True)
            return isinstance(outcome, asyncio.CancelledError)

    assert asyncio.run(cancel())
    assert ended.wait(30)


def test_the_client_may_be_made_before_there_is_a_loop(target: str) -> None:
    client = connect_async(target)

    async def ask() -> str | None:
        async with client:
            return (await client.ask(b"one", "red?")).answer

    assert asyncio.run(ask()) == "red?"
