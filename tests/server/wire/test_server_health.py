"""The last word on health reaches everyone who watches, however closely the end follows it."""

from __future__ import annotations

import asyncio

from grpc_health.v1 import health_pb2

from asksight.server.wire.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_watcher_that_is_still_being_told_hears_of_the_stop_before_its_stream_ends() -> None:
    async def stopped_during_the_first_write() -> list[int]:
        health = Health()
        health.serving(True)
        watch = health.Watch(health_pb2.HealthCheckRequest(), None)
        heard = [(await anext(watch)).status]  # and until the next is asked for, it is being written
        health.drain()
        health.end_watches()
        async with asyncio.timeout(10):
            heard += [said.status async for said in watch]
        return heard

    assert asyncio.run(stopped_during_the_first_write()) == [SERVING, NOT_SERVING]
