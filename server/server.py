"""The server: a port, threads, health and reflection around the service; it stops without losing what it accepted."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from asksight.v1 import vqa_pb2_grpc

from .assistant import Assistant
from .errors import ServerError
from .gate import Gate
from .health import SERVICES, Health
from .service import VqaService

DEFAULT_WORKERS = 256  # calls under way; each waits in a thread of its own, which costs little
SPARE_WORKERS = 16  # threads beyond them, so that refusals, health and GetModel are answered under any load


class Server:
    """Serves assistants by name over gRPC without TLS; the first is the default. They stay the caller's to close.

    `start` and `stop` once each; `with` does both.
    """

    def __init__(
        self,
        assistants: Mapping[str, Assistant],
        *,
        host: str = "127.0.0.1",
        port: int = 50051,
        workers: int = DEFAULT_WORKERS,
        drain_grace_s: float = 10.0,
        inner_address: str | None = None,
    ) -> None:
        """`port` 0 picks a free one; `drain_grace_s` is how long `with` waits for accepted asks at its end.

        `inner_address` is one more place to listen, for the HTTP face of this process: a socket in a private folder.
        """
        if not assistants:
            raise ServerError("There is no model to serve; name at least one bundle.")
        self._assistants = dict(assistants)
        self._host = host
        self._inner_address = inner_address
        self.port = port  # after `start`, the one that was picked
        self._drain_grace_s = drain_grace_s
        self._gate = Gate(workers)
        self._health = Health()
        self._health_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers + SPARE_WORKERS, thread_name_prefix="asksight-call")
        most_bytes = max(assistant.limits.max_message_bytes for assistant in self._assistants.values())
        self._grpc = grpc.server(
            self._pool,
            options=[
                ("grpc.so_reuseport", 0),  # a port in use must be an error, not a share of another's calls
                ("grpc.max_receive_message_length", most_bytes),
                ("grpc.max_send_message_length", most_bytes),
            ],
        )
        vqa_pb2_grpc.add_VqaServiceServicer_to_server(VqaService(self._assistants, self._gate), self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [name for name in SERVICES if name]
        names.append(health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], self._grpc)

    def start(self) -> int:
        """Listen, serve, and return the port. Raises ServerError when the address cannot be had."""
        _check_address(self._host, self.port)
        try:
            port = self._grpc.add_insecure_port(_join(self._host, self.port))
            if self._inner_address is not None:
                self._grpc.add_insecure_port(self._inner_address)
        except RuntimeError as error:
            raise ServerError(f"Cannot listen on {_join(self._host, self.port)}: {error}") from error
        self._grpc.start()
        self.port = port
        for assistant in self._assistants.values():
            assistant.on_health_change(self._tell_health)
        self._tell_health()
        return port

    def begin_stop(self, grace_s: float | None = None) -> threading.Event:
        """Say NOT_SERVING and take no new calls; the event is set when the accepted ones are answered.

        After `grace_s` (None: `drain_grace_s`) those that are left are cancelled.
        """
        self._health.drain()
        stopped: threading.Event = self._grpc.stop(self._drain_grace_s if grace_s is None else grace_s)
        self._health.end_watches()
        return stopped

    def stop(self, grace_s: float | None = None) -> None:
        """Stop as `begin_stop` does, and return when it is done; a second call shortens the grace."""
        self.begin_stop(grace_s).wait()
        self._pool.shutdown(wait=False)

    @property
    def calls(self) -> int:
        """How many Ask and AskBatch calls are under way."""
        return self._gate.inside

    def wait(self) -> None:
        """Return when the server has stopped."""
        self._grpc.wait_for_termination()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _tell_health(self) -> None:
        with self._health_lock:  # two engines may change at once; the last word must be the truth
            self._health.serving(all(assistant.healthy for assistant in self._assistants.values()))


def _check_address(host: str, port: int) -> None:
    """Try the address before gRPC does, which neither says why it cannot have it nor keeps stderr clean."""
    where = _join(host, port)
    if not 0 <= port <= 65535:
        raise ServerError(f"There is no port {port}; ports are 0 (any that is free) to 65535.")
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServerError(f"Cannot listen on {where}: {error.strerror}. Check the host's name.") from error
    failures = [error for error in map(_try, addresses) if error is not None]
    # Of a name's several addresses (127.0.0.1 and ::1) some may not exist here, but none may be another server's.
    for failure in failures:
        if failure.errno == errno.EADDRINUSE:
            raise ServerError(
                f"{where} is in use by another program; stop it or take another port."
            ) from failure
        if failure.errno == errno.EACCES:
            raise ServerError(f"No permission to listen on {where}; take a port above 1023.") from failure
    if len(failures) == len(addresses):
        raise ServerError(f"Cannot listen on {where}: {failures[0].strerror}.") from failures[0]


def _try(address: tuple[int, int, int, str, Any]) -> OSError | None:
    family, kind, protocol, _, place = address
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not stopped by closed connections
            probe.bind(place)
    except OSError as error:
        return error
    return None


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
