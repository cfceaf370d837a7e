"""The last word on health reaches everyone who watches, however closely the end follows it."""

from __future__ import annotations

import asyncio

from grpc_health.v1 import health_pb2

from asksight.server.wire.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class SlowWatcher:
    """A context whose writes do not end before they are let go."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    async def write(self, response: health_pb2.HealthCheckResponse) -> None:
        self.heard.append(response.status)
        self.reached.set()
        await self.let_go.wait()


def test_a_watcher_that_is_still_being_told_hears_of_the_stop_before_its_stream_ends() -> None:
    async def stopped_during_the_first_write() -> list[int]:
        health = Health()
        health.serving(True)
        watcher = SlowWatcher()
        watch = asyncio.create_task(health.Watch(health_pb2.HealthCheckRequest(), watcher))
        await watcher.reached.wait()
        health.drain()
        health.end_watches()
        watcher.let_go.set()
        await asyncio.wait_for(watch, 10)
        return watcher.heard

    assert asyncio.run(stopped_during_the_first_write()) == [SERVING, NOT_SERVING]
