"""How much may be on its way: who needs no token leaves room for others, and a burst counts from its first byte."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import grpc
import pytest
from loop_rig import in_loop, move_on, soon, turns

from asksight.server.core.arrivals import STRANGER, Arrivals
from asksight.server.errors import Overloaded, Stopping
from asksight.server.http.arriving import Body
from asksight.server.limits import MEBI, Limits
from asksight.server.wire.receiving import AHEAD_BYTES, LOOK_EVERY_S, Receiving


class Stalled:
    """A call whose message never comes; it stands for gRPC's context."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self.refusals = 0
        self._ended = asyncio.Event()

    def peer(self) -> str:
        return self._peer

    @property
    def refused(self) -> bool:
        return self.refusals > 0

    async def read(self) -> bytes:
        await self._ended.wait()
        raise grpc.aio.AbortError

    async def abort(self, *_: object) -> None:
        self.refusals += 1
        self._ended.set()
        raise grpc.aio.AbortError


@in_loop
async def test_strangers_of_many_addresses_leave_half_of_the_room_to_others() -> None:
    receiving = Receiving(Arrivals(replace(Limits(), receiving=16)), lambda peer: 0)
    stalled = [
        asyncio.create_task(
            receiving.next(Stalled(f"ipv4:10.0.0.{number // 4}:{number}"), f"{STRANGER}{number // 4}")
        )
        for number in range(8)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="8 messages without a token"):
        await receiving.next(Stalled("ipv4:10.0.0.9:1"), f"{STRANGER}9")
    known = asyncio.create_task(receiving.next(Stalled("ipv4:10.0.0.9:2"), "app"))
    await asyncio.sleep(0)
    assert not known.done()  # it was let in, and waits for its message
    await left([*stalled, known])


@in_loop
async def test_what_comes_all_at_once_by_a_new_connection_counts() -> None:
    """On a fast line 150 MiB come before anybody looks."""
    came = 0
    receiving = Receiving(Arrivals(replace(Limits(), receiving_bytes=48 * MEBI)), lambda _: came)
    stalled = [Stalled("ipv4:10.0.0.1:1") for _ in range(10)]
    reading = [asyncio.create_task(receiving.next(one, "app")) for one in stalled]
    await turns()
    came = 150 * MEBI
    await soon(lambda: any(one.refused for one in stalled))
    assert [one.refused for one in stalled].count(False) == 1  # it may have half, and each has 15
    await left(reading)


@in_loop
async def test_what_a_stop_refuses_is_not_refused_again_where_others_become_too_much() -> None:
    came = 0
    arrivals = Arrivals(replace(Limits(), receiving_bytes=8 * MEBI))
    receiving = Receiving(arrivals, lambda _: came)
    stalled = Stalled("ipv4:10.0.0.1:1")
    reading = asyncio.create_task(receiving.next(stalled, "app"))
    await turns()
    came = 3 * MEBI
    await soon(lambda: arrivals.bytes > 0)
    stopping = asyncio.create_task(receiving.end_all(Stopping()))
    await asyncio.sleep(0)
    assert arrivals.bytes == 0
    body = Body(arrivals, "app")  # of the same caller over HTTP
    arrivals.begin(body)
    arrivals.hold(body, 3 * MEBI)
    arrivals.end_what_is_too_much()
    await stopping
    assert stalled.refusals == 1
    arrivals.left(body)
    await left([reading])


@in_loop
async def test_what_came_by_a_connection_before_counts_no_more() -> None:
    """A proxy's connection may be old when the first message that is received comes by it."""
    looks = 0

    def received(_: str) -> int:
        nonlocal looks
        looks += 1
        return 1000 * MEBI

    receiving = Receiving(Arrivals(replace(Limits(), receiving_bytes=8 * MEBI)), received)
    slow = Stalled("ipv4:10.0.0.1:1")
    reading = asyncio.create_task(receiving.next(slow, "app"))
    await soon(lambda: looks > 2)
    await turns()
    assert not slow.refused
    await left([reading])


@in_loop
async def test_what_other_threads_take_of_the_processor_puts_off_no_look() -> None:
    looks = 0

    def received(_: str) -> int:
        nonlocal looks
        looks += 1
        time.sleep(0.2)  # stands for other threads' turns
        return 0

    receiving = Receiving(Arrivals(Limits()), received)
    reading = asyncio.create_task(receiving.next(Stalled("ipv4:10.0.0.1:1"), "app"))
    await soon(lambda: looks == 2)  # one as the message began
    move_on(1.5 * LOOK_EVERY_S)
    await turns()
    assert looks > 2
    await left([reading])


async def left(reading: Iterable[asyncio.Task[bytes | None]]) -> None:
    for one in reading:
        one.cancel()
        with suppress(asyncio.CancelledError, grpc.aio.AbortError):
            await one


class Ending(Stalled):
    """One that says, when it is refused, what gRPC says: AbortError, or another where its caller has left."""

    def __init__(self, peer: str, error: Exception) -> None:
        super().__init__(peer)
        self._error = error

    async def abort(self, *_: object) -> None:
        await super().abort()
        raise self._error


@in_loop
async def test_a_caller_that_has_left_keeps_no_server_from_stopping() -> None:
    receiving = Receiving(Arrivals(Limits()), lambda _: 0)
    errors = [grpc.aio.InternalError('Failed "execute_batch"'), grpc.aio.AbortError()]
    calls = [Ending(f"ipv4:127.0.0.1:{port}", error) for port, error in enumerate(errors, start=1)]
    reading = [asyncio.create_task(receiving.message(one, one.peer())) for one in calls]
    await turns()
    await receiving.end_all(Stopping())
    assert all(one.refused for one in calls)
    for one in reading:
        with pytest.raises(grpc.aio.AbortError):
            await one


class Whole(Stalled):
    """A call whose message is there."""

    def __init__(self, peer: str, size: int) -> None:
        super().__init__(peer)
        self._size = size

    async def read(self) -> bytes:
        return bytes(self._size)


@in_loop
async def test_what_comes_together_with_a_connections_first_message_counts() -> None:
    """Before anybody reads it, as much of a message has come as gRPC takes ahead."""
    receiving = Receiving(Arrivals(replace(Limits(), receiving_bytes=MEBI)), lambda _: AHEAD_BYTES)
    stalled = [Stalled(f"ipv4:10.0.0.{number}:1") for number in range(8)]
    reading = [
        asyncio.create_task(receiving.next(one, f"caller {number}")) for number, one in enumerate(stalled)
    ]
    most = MEBI // AHEAD_BYTES
    await soon(lambda: [one.refused for one in stalled].count(False) <= most)  # by one look or two
    await turns()
    assert [one.refused for one in stalled].count(False) == most
    await left(reading)


@in_loop
async def test_what_comes_together_with_a_message_after_a_pause_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asksight.server.wire.receiving.COUNT_ANEW_S", -1.0)
    came = 0
    receiving = Receiving(Arrivals(replace(Limits(), receiving_bytes=AHEAD_BYTES)), lambda _: came)
    assert await receiving.next(Whole("ipv4:10.0.0.1:1", MEBI), "app")
    came = MEBI + AHEAD_BYTES
    stalled = Stalled("ipv4:10.0.0.1:1")
    reading = asyncio.create_task(receiving.next(stalled, "app"))  # which may have half
    await soon(lambda: stalled.refused)
    await left([reading])
