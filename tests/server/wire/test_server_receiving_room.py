"""Who needs no token, as for health, leaves room for those who have one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from loop_rig import in_loop

from asksight.server.errors import Overloaded
from asksight.server.limits import Limits
from asksight.server.wire.receiving import STRANGER, Receiving


class Stalled:
    """A call whose message never comes; it stands for gRPC's context."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def peer(self) -> str:
        return self._peer

    async def read(self) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError("never set")


@in_loop
async def test_strangers_of_many_addresses_leave_half_of_the_room_to_others() -> None:
    receiving = Receiving(replace(Limits(), receiving=16), lambda peer: 0)
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
    for one in (*stalled, known):
        one.cancel()
        with suppress(asyncio.CancelledError):
            await one
