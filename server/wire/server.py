"""The gRPC server: a port, health and reflection around the services; it stops without losing asks."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import grpc

from ..access.authentication import Authentication, TokenCheck
from ..access.callers import Callers
from ..access.calls import Desk
from ..access.tls import Certificates
from ..errors import ServerError, Stopping
from ..local import LocalAssistant
from ..open_inference.inference_service import InferenceService
from ..trimming import TrimmingGrowth
from .accepting import make_server
from .addresses import check_address, join
from .health import Health
from .receiving import AHEAD_BYTES, Receiving
from .service import VqaService
from .standard import health_methods, reflection_methods

log = logging.getLogger(__name__)

MINUTE_MS = 60_000
HANG_UP_WITHIN_S = 1.0

# Phones change networks and sleep: pings find dead connections, and idle ones are let go.
CONNECTIONS = (
    ("grpc.keepalive_time_ms", MINUTE_MS),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # clients may ping as often as mobile ones do
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_connection_idle_ms", 15 * MINUTE_MS),
    ("grpc.max_connection_age_ms", 60 * MINUTE_MS),  # so that load spreads to new servers in time
    ("grpc.max_connection_age_grace_ms", MINUTE_MS),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_concurrent_streams", 1024),
    # By itself gRPC takes megabytes of each stream before anybody reads it, as fast as a line brings them.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", AHEAD_BYTES),  # a larger message waits for the line, once there and back
    ("grpc.max_metadata_size", 16_384),  # all that is less is taken; between two bounds gRPC would throw dice
    ("grpc.absolute_max_metadata_size", 16_384),
    # None but "identity": photos are compressed already, and what is on its way is counted as it comes by the line.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)


class Server:
    """Serves an assistant over gRPC, in the assistant's loop; the assistant stays the caller's to close.

    `start` and `stop` once each; `with` does both. Its methods may be called from any other thread.
    """

    def __init__(
        self,
        local: LocalAssistant,
        *,
        host: str = "127.0.0.1",
        port: int = 50051,
        finish_s: float = 10.0,
        certificates: Certificates | None = None,
        authentication: Authentication | None = None,
        calls_per_caller: int | None = None,
        connections: int = 4096,
        log_questions: bool = False,
        share_port: bool = False,
        interceptors: tuple[Any, ...] = (),
    ) -> None:
        """`port` 0 picks a free one; `finish_s` is how long a stop waits for accepted asks.

        Of `connections` at once those beyond are closed as soon as they come.
        With `share_port` other processes may listen on the port too (SO_REUSEPORT).
        """
        if not local.assistant.models.names:
            raise ServerError("There is no model to serve; name at least one bundle.")
        self.local = local
        self.port = port  # after `start`, the one that was picked
        self.desk = Desk(
            local.assistant.admission,
            authentication=authentication,
            callers=Callers(calls_per_caller),
            observer=local.assistant.observer,
            log_questions=log_questions,
        )
        self._assistant = local.assistant
        self._host = host
        self._finish_s = finish_s
        self._certificates = certificates
        self._connections = connections
        self._share_port = share_port
        self._interceptors = interceptors
        self._receiving = Receiving(local.assistant.arrivals)
        self._growth = TrimmingGrowth()
        self._service = VqaService(local.assistant, self.desk, self._receiving)
        self._health: Health | None = None
        self._grpc: grpc.aio.Server | None = None

    def start(self) -> int:
        """Listen, serve, and return the port. Raises ServerError when the address cannot be had."""
        if not self._share_port:
            check_address(self._host, self.port)
        self.port = self.local.thread.run(self._start())
        return self.port

    async def _start(self) -> int:
        self._health = Health()
        most_bytes = self._assistant.limits.max_message_bytes
        tokens = () if self.desk.authentication.tokens is None else (TokenCheck(self.desk.authentication),)
        self._grpc = make_server(
            {
                **self._service.methods(),
                **InferenceService(self._assistant, self.desk, self._receiving, self._health).methods(),
                **health_methods(self._health, self._receiving),
                **reflection_methods(self._receiving),
            },
            interceptors=(*tokens, *self._interceptors),  # a token is looked at before all else
            options=[
                *CONNECTIONS,
                ("grpc.so_reuseport", int(self._share_port)),  # else a port in use is an error
                ("grpc.max_allowed_incoming_connections", self._connections),
                ("grpc.max_receive_message_length", most_bytes),
                ("grpc.max_send_message_length", most_bytes),
            ],
        )
        where = join(self._host, self.port)
        try:
            if self._certificates is None:
                port = self._grpc.add_insecure_port(where)
            else:
                port = self._grpc.add_secure_port(where, self._certificates.credentials())
        except RuntimeError as error:
            raise ServerError(f"Cannot listen on {where}: {error}") from error
        await self._grpc.start()
        self._growth.begin()
        self._assistant.admission.stopping = False  # of a server before this one
        self._assistant.health_listeners.append(self._tell_health)
        self._tell_health()
        return int(port)

    def announce_stop(self) -> None:
        """Say NOT_SERVING for good, and go on answering: load balancers take a moment to notice."""
        if self._health is not None:
            self.local.thread.loop.call_soon_threadsafe(self._health.drain)

    def begin_stop(self, grace_s: float | None = None) -> threading.Event:
        """Say NOT_SERVING and refuse new calls; the event is set when all is answered and the port is shut.

        After `grace_s` (None: `finish_s`) calls that are left are cancelled. A second one shortens the grace.
        """
        stopped = threading.Event()
        if self._grpc is None:
            stopped.set()
            return stopped
        stopping = self._stop(self._finish_s if grace_s is None else grace_s)
        self.local.thread.start(stopping).add_done_callback(lambda done: _tell(done, stopped))
        return stopped

    async def _stop(self, grace_s: float) -> None:
        """Closing a port cancels calls that are just arriving, so it is closed last, once no calls come."""
        assert self._grpc is not None
        assert self._health is not None
        admission, ends_s = self._assistant.admission, time.monotonic() + grace_s
        admission.stopping = True
        try:
            self._health.drain()
            self._health.end_watches()
            self._service.conversations.end_all(Stopping())
            await admission.nobody_comes(ends_s)
            await self._receiving.end_all(Stopping())
        finally:  # whatever failed: a port that outlives its loop answers nobody, and its threads crash at the end
            self._growth.end()
            if self._tell_health in self._assistant.health_listeners:
                self._assistant.health_listeners.remove(self._tell_health)
            left_s = max(0.0, ends_s - time.monotonic())
            # With no call left, gRPC waits for nothing but clients that do not hang up when they are told to.
            await self._grpc.stop(left_s if admission.calls else min(left_s, HANG_UP_WITHIN_S))

    def stop(self, grace_s: float | None = None) -> None:
        """Stop as `begin_stop` does, and return when it is done; a second call shortens the grace."""
        if not self.local.thread.closed:
            self.begin_stop(grace_s).wait()

    @property
    def calls(self) -> int:
        """How many calls are under way."""
        return self._assistant.admission.calls

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _tell_health(self) -> None:
        if self._health is not None:
            self._health.serving(self._assistant.healthy)


def _tell(stopping: Future[None], stopped: threading.Event) -> None:
    if not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.error("The stop failed; the port is shut all the same", exc_info=error)
    stopped.set()
