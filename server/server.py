"""The server: a port, an event loop, health and reflection around the service; it stops without losing asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from asksight.v1 import vqa_pb2_grpc

from .access.callers import Callers
from .access.door import Door, TokenCheck
from .access.tls import Certificates
from .addresses import check_address, join
from .assistant import Assistant
from .errors import ServerError
from .gate import Gate
from .health import SERVICES, Health
from .loop import new_loop
from .observer import Observer
from .pool import Pool
from .reading import Reading
from .service import VqaService

T = TypeVar("T")

DEFAULT_WORKERS = 256  # calls under way; each waits in a thread of its own, which costs little
MINUTE_MS = 60_000

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
    ("grpc.absolute_max_metadata_size", 16_384),
)


class Server:
    """Serves assistants by name over gRPC; the first is the default. They stay the caller's to close.

    `start` and `stop` once each; `with` does both. Its methods may be called from any thread.
    """

    def __init__(
        self,
        assistants: Mapping[str, Assistant],
        *,
        host: str = "127.0.0.1",
        port: int = 50051,
        workers: int = DEFAULT_WORKERS,
        finish_s: float = 10.0,
        inner_address: str | None = None,
        certificates: Certificates | None = None,
        door: Door | None = None,
        calls_per_caller: int | None = None,
        observer: Observer | None = None,
        log_questions: bool = False,
        share_port: bool = False,
        interceptors: tuple[Any, ...] = (),
    ) -> None:
        """`port` 0 picks a free one; `finish_s` is how long a stop waits for accepted asks.

        `inner_address` is one more place to listen, for the HTTP face of this process: a socket in a private folder.
        With `share_port` other processes may listen on the port too (SO_REUSEPORT).
        """
        if not assistants:
            raise ServerError("There is no model to serve; name at least one bundle.")
        self._assistants = dict(assistants)
        self._host = host
        self._inner_address = inner_address
        self.port = port  # after `start`, the one that was picked
        self._finish_s = finish_s
        self._certificates = certificates
        self._share_port = share_port
        self._gate = Gate(workers)
        self._pool = Pool("asksight-call")
        door = door or Door()
        self._interceptors = (*interceptors, *([TokenCheck(door)] if door.tokens else []), Reading())
        self._service = VqaService(
            self._assistants,
            gate=self._gate,
            pool=self._pool,
            door=door,
            callers=Callers(calls_per_caller),
            observer=observer or Observer(),
            log_questions=log_questions,
        )
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asksight-grpc", daemon=True)
        self._health: Health | None = None
        self._grpc: grpc.aio.Server | None = None

    def start(self) -> int:
        """Listen, serve, and return the port. Raises ServerError when the address cannot be had."""
        try:
            if not self._share_port:
                check_address(self._host, self.port)
            self._thread.start()
            self.port = self._in_loop(self._start())
        except BaseException:
            self._end_loop()
            raise
        for assistant in self._assistants.values():
            assistant.on_health_change(self._tell_health)
        self._tell_health()
        return self.port

    async def _start(self) -> int:
        most_bytes = max(assistant.limits.max_message_bytes for assistant in self._assistants.values())
        self._health = Health()
        self._grpc = grpc.aio.server(
            interceptors=self._interceptors,
            options=[
                *CONNECTIONS,
                ("grpc.so_reuseport", int(self._share_port)),  # else a port in use is an error
                ("grpc.max_receive_message_length", most_bytes),
                ("grpc.max_send_message_length", most_bytes),
            ],
        )
        vqa_pb2_grpc.add_VqaServiceServicer_to_server(self._service, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [name for name in SERVICES if name]
        names.append(health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], self._grpc)
        where = join(self._host, self.port)
        try:
            if self._certificates is None:
                port = self._grpc.add_insecure_port(where)
            else:
                port = self._grpc.add_secure_port(where, self._certificates.credentials())
            if self._inner_address is not None:
                self._grpc.add_insecure_port(self._inner_address)
        except RuntimeError as error:
            raise ServerError(f"Cannot listen on {where}: {error}") from error
        await self._grpc.start()
        return int(port)

    def announce_stop(self) -> None:
        """Say NOT_SERVING for good, and go on answering: load balancers take a moment to notice."""
        if self._health is not None:
            self._in_loop(self._health.drain())

    def begin_stop(self, grace_s: float | None = None) -> threading.Event:
        """Say NOT_SERVING and take no new calls; the event is set when the accepted ones are answered.

        After `grace_s` (None: `finish_s`) those that are left are cancelled.
        """
        stopped = threading.Event()
        if self._grpc is None:
            stopped.set()
            return stopped
        stopping = self._stop(self._finish_s if grace_s is None else grace_s)
        asyncio.run_coroutine_threadsafe(stopping, self._loop).add_done_callback(lambda _: stopped.set())
        return stopped

    async def _stop(self, grace_s: float) -> None:
        assert self._grpc is not None
        assert self._health is not None
        await self._health.drain()
        await self._health.end_watches()
        await self._grpc.stop(grace_s)

    def stop(self, grace_s: float | None = None) -> None:
        """Stop as `begin_stop` does, and return when it is done; a second call shortens the grace."""
        if self._loop.is_closed():
            return
        self.begin_stop(grace_s).wait()
        self._pool.end()
        self._end_loop()

    @property
    def calls(self) -> int:
        """How many Ask and AskBatch calls are under way."""
        return self._gate.inside

    @property
    def healthy(self) -> bool:
        """Whether all models are."""
        return all(assistant.healthy for assistant in self._assistants.values())

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _tell_health(self) -> None:
        if self._health is not None and not self._loop.is_closed():
            # Read in the loop, one after the other: the last word is the truth.
            asyncio.run_coroutine_threadsafe(self._say_health(self._health), self._loop)

    async def _say_health(self, health: Health) -> None:
        await health.serving(self.healthy)

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_loop(self) -> None:
        if self._thread.is_alive():
            self._in_loop(_last_tasks())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()


async def _last_tasks() -> None:
    """Let what gRPC still does for calls that are over come to its end; cut off, it would be noisy about it."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=0.2)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
