"""grpc.health.v1, told by the engines themselves, and able to end its Watch streams so that a drain can finish.

grpcio's own asyncio servicer cannot end its streams, which would hold up every stop for its whole grace.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from asksight.v1 import vqa_pb2

from ..open_inference.inference_messages import SERVICE as OPEN_INFERENCE

SERVICES = ("", vqa_pb2.DESCRIPTOR.services_by_name["VqaService"].full_name, OPEN_INFERENCE)
SERVING = health_pb2.HealthCheckResponse.SERVING
Context = Any  # grpc.aio.ServicerContext, whose types differ from version to version
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Check and Watch for the whole server and for each service. Lives in one event loop."""

    def __init__(self) -> None:
        self._status = NOT_SERVING
        self._draining = False
        self._over = False
        self._changed = asyncio.Event()  # another one after each change

    def serving(self, yes: bool) -> None:
        """Say SERVING or NOT_SERVING, to those who watch too; ignored once `drain` was called."""
        if not self._draining:
            self._say(SERVING if yes else NOT_SERVING)

    @property
    def is_serving(self) -> bool:
        """What it says."""
        return bool(self._status == SERVING)

    def drain(self) -> None:
        """Say NOT_SERVING for good."""
        self._draining = True
        self._say(NOT_SERVING)

    def end_watches(self) -> None:
        """End every Watch stream."""
        self._over = True
        self._say(self._status)

    def _say(self, status: int) -> None:
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(  # noqa: N802 (gRPC's name)
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in SERVICES:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"There is no service {request.service[:80]!r} here."
            )
        return health_pb2.HealthCheckResponse(status=self._status)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        last = None
        while True:
            status = self._status if request.service in SERVICES else UNKNOWN
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
                last = status
                continue  # it may have changed while this was written; the last word is said even when all is over
            if self._over:
                return
            await self._changed.wait()
