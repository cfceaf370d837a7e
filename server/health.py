"""grpc.health.v1, told by the engines themselves, and able to end its Watch streams so that a drain can finish."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

from asksight.v1 import vqa_pb2

SERVICES = ("", vqa_pb2.DESCRIPTOR.services_by_name["VqaService"].full_name)

Send = Callable[[health_pb2.HealthCheckResponse | None], None]


class Health(health.HealthServicer):  # type: ignore[misc]
    """Check and Watch for the whole server and for VqaService. Thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self._watches: set[Send] = set()
        self._watches_lock = Lock()
        self.serving(False)

    def serving(self, yes: bool) -> None:
        """Say SERVING or NOT_SERVING, to those who watch too; ignored once `drain` was called."""
        status = health_pb2.HealthCheckResponse.SERVING if yes else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in SERVICES:
            self.set(service, status)

    def drain(self) -> None:
        """Say NOT_SERVING for good."""
        self.enter_graceful_shutdown()

    def end_watches(self) -> None:
        """End every Watch stream: they would otherwise keep a stopping server waiting for its whole grace."""
        with self._watches_lock:
            watches, self._watches = self._watches, set()
        for send in watches:
            send(None)

    def Watch(  # noqa: N802 (gRPC's name)
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Send | None = None,
    ) -> Any:
        if send_response_callback is not None:
            with self._watches_lock:
                self._watches.add(send_response_callback)
            context.add_callback(lambda: self._forget(send_response_callback))
        return super().Watch(request, context, send_response_callback)

    def _forget(self, send: Send) -> None:
        with self._watches_lock:
            self._watches.discard(send)
