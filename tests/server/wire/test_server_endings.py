"""What ends badly keeps nobody waiting: engines gone for good, closings that cross, a process that stood still."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import grpc
import pytest
from photo_files import photo
from server_rig import WAIT_S, MakeRig, Rig, hold, release, until

from asksight.engine import FakeEngine
from asksight.server.asks import Ask
from asksight.server.core import photo_features
from asksight.server.core.batcher import MOST_FAILED_REOPENINGS, Batcher, State
from asksight.server.core.batching import BatchLimits
from asksight.server.core.decoders import Decoders
from asksight.server.errors import InternalError, Reopening
from asksight.server.loop_thread import new_loop
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc


class Doubler:
    """A stage that waits for its gate, and takes a while."""

    engine: Any = None

    def __init__(self, takes_s: float = 0.0) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self._takes_s = takes_s

    def __call__(self, items: Sequence[int], /) -> list[int]:
        assert self.gate.wait(10 * WAIT_S)
        time.sleep(self._takes_s)  # stands for work
        return [2 * item for item in items]

    def probe(self) -> None: ...

    def close(self) -> None: ...


def in_a_loop(work: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]) -> None:
    loop = new_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(work(loop), 10 * WAIT_S))
    finally:
        loop.close()


def ask(seed: int) -> Ask:
    return Ask(question="what is this?", photo=photo(seed=seed))


def no_memory() -> Doubler:
    raise OSError("out of memory")


def test_a_hung_engine_that_cannot_be_opened_anew_keeps_nobody_waiting() -> None:
    async def work(loop: asyncio.AbstractEventLoop) -> None:
        stage = Doubler()
        stage.gate.clear()
        batcher = Batcher[int, int](
            "doubler",
            stage,
            loop=loop,
            limits=BatchLimits(),
            hang_after_s=0.05,
            reopen=no_memory,
            try_every_s=0.01,
        )
        with pytest.raises(InternalError):
            await batcher.submit(1)
        with pytest.raises(Reopening):
            await batcher.submit(2)
        assert (batcher.state, batcher.stuck) == (State.HUNG, True)
        assert batcher.failed_reopenings >= MOST_FAILED_REOPENINGS
        with pytest.raises(Reopening):
            batcher.check_room()
        stage.gate.set()
        await batcher.close()

    in_a_loop(work)


def test_who_watches_an_engine_and_fails_keeps_it_from_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def full() -> None:
        raise OSError("disk full")

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        hanging, other = Doubler(), Doubler()
        hanging.gate.clear()
        batcher = Batcher[int, int](
            "doubler",
            hanging,
            loop=loop,
            limits=BatchLimits(),
            hang_after_s=0.05,
            reopen=lambda: other,
            on_health=full,
        )
        with pytest.raises(InternalError):
            await batcher.submit(1)
        assert await batcher.submit(2) == 4
        hanging.gate.set()
        await batcher.close()

    in_a_loop(work)
    assert "disk full" in caplog.text


def test_an_engine_is_not_blamed_for_a_process_that_stood_still() -> None:
    async def work(loop: asyncio.AbstractEventLoop) -> None:
        batcher = Batcher[int, int](
            "doubler", Doubler(0.02), loop=loop, limits=BatchLimits(), hang_after_s=0.2
        )
        doubled = batcher.submit(1)
        await asyncio.sleep(0.005)  # until it is with the worker
        time.sleep(0.5)  # as if the machine had slept
        assert await doubled == 2
        assert batcher.healthy
        await batcher.close()

    in_a_loop(work)


def test_a_photo_whose_caller_left_before_its_turn_is_not_kept() -> None:
    class Kept:
        def __call__(self) -> None: ...

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        decoders, gate = Decoders(1, 10, loop), threading.Event()
        busy = asyncio.create_task(decoders.run(gate.wait))
        await asyncio.sleep(0)
        kept = Kept()
        gone = weakref.ref(kept)
        waiting = asyncio.create_task(decoders.run(kept))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        del kept, waiting
        gc.collect()
        assert gone() is None
        gate.set()
        await busy
        decoders.end()

    in_a_loop(work)


@pytest.fixture
def slow_decoding(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Decoding waits for it."""
    gate, decode = threading.Event(), vars(photo_features)["_decode"]

    def gated(*arguments: Any) -> Any:
        assert gate.wait(10 * WAIT_S)
        return decode(*arguments)

    monkeypatch.setattr(photo_features, "_decode", gated)
    return gate


def test_a_close_finishes_those_whose_photos_are_being_decoded(
    rig: Rig, slow_decoding: threading.Event
) -> None:
    asked = [rig.local.start(ask(seed)) for seed in range(6)]
    until(lambda: rig.assistant.admission.asks == 6)
    closing = threading.Thread(target=rig.local.close)
    closing.start()
    until(lambda: not rig.local.healthy)
    slow_decoding.set()
    assert all(one.result(WAIT_S).answers for one in asked)
    closing.join(WAIT_S)


def test_a_second_close_waits_for_the_first(rig: Rig) -> None:
    hold(rig.encoder)
    asked = rig.local.start(ask(1))
    assert rig.encoder.entered.wait(WAIT_S)
    closing = [threading.Thread(target=rig.local.close) for _ in range(2)]
    for one in closing:
        one.start()
    until(lambda: not rig.local.healthy)
    release(rig.encoder)
    assert asked.result(WAIT_S).answers
    for one in closing:
        one.join(WAIT_S)
    assert rig.encoder.closed


def test_a_close_during_a_swap_closes_what_was_replaced_too(make_rig: MakeRig) -> None:
    rig = make_rig()
    old: FakeEngine = rig.encoder
    hold(old)
    asked = rig.local.start(ask(1))
    assert old.entered.wait(WAIT_S)
    before = rig.assistant.models[""]
    swap = threading.Thread(target=rig.local.reopen)
    swap.start()
    until(lambda: rig.assistant.models[""] is not before)
    closing = threading.Thread(target=rig.local.close)
    closing.start()
    until(lambda: not rig.local.healthy)
    release(old)
    assert asked.result(WAIT_S).answers
    closing.join(WAIT_S)
    swap.join(WAIT_S)
    assert old.closed


def test_a_server_may_follow_another_on_one_assistant(rig: Rig) -> None:
    for _ in range(2):
        server = Server(rig.local, port=0)
        with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            assert stub.GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S).name == "random"
        server.stop(0)
    assert rig.assistant.health_listeners == []
