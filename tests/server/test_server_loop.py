"""The server's loop: sockets are looked at in time, however much work is at hand."""

from __future__ import annotations

import asyncio
import socket

from server_rig import WAIT_S

from asksight.server.loop import MOST_UNSEEN, new_loop


def test_a_loop_that_always_has_work_still_sees_its_sockets() -> None:
    async def run() -> int:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        seen = loop.create_future()
        rounds = 0

        def again() -> None:
            nonlocal rounds
            rounds += 1
            if not seen.done():
                loop.call_soon(again)

        def read() -> None:
            seen.set_result(ours.recv(1))
            loop.remove_reader(ours)

        with ours, theirs:
            loop.add_reader(ours, read)
            theirs.send(b"x")
            loop.call_soon(again)
            await asyncio.wait_for(seen, WAIT_S)
        return rounds

    loop = new_loop()
    assert loop.run_until_complete(run()) <= MOST_UNSEEN + 2
    loop.close()


def test_a_loop_without_work_sleeps_until_there_is_some() -> None:
    loop = new_loop()
    assert loop.run_until_complete(asyncio.sleep(0.01, "awake")) == "awake"
    assert loop.run_until_complete(asyncio.to_thread(lambda: "from a thread")) == "from a thread"
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
