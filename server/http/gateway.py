"""The HTTP port: uvicorn in the assistant's event loop, beside the gRPC server."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..access.calls import Desk
from ..access.tls import Certificates
from ..errors import ServerError
from ..local import LocalAssistant
from .app import build_app
from .asking import Asking
from .connections import ConnectionLimits, protocol
from .cors import open_to
from .handshakes import TlsPort
from .health import Health
from .plain_headers import PlainHeaders

Wrap = Callable[[ASGIApp], ASGIApp]


class Gateway:
    """Serves HTTP in the assistant's loop. `start` and `stop` once each, from another thread; `with` does both."""

    def __init__(
        self,
        local: LocalAssistant,
        desk: Desk,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        limits: ConnectionLimits | None = None,
        certificates: Certificates | None = None,
        cors: Sequence[str] = (),
        stopping: Callable[[], bool] = lambda: False,
        wrap: Wrap = lambda app: app,
        share_port: bool = False,
    ) -> None:
        """`port` 0 picks a free one; `wrap` may put the application into another, which traces it, say.

        With `certificates` it is HTTPS, and each handshake sees the newest. `cors` are the origins whose pages may ask.
        Once it is `stopping`, it says that it is not ready, and answers on. With `share_port` other processes may
        listen on the port too (SO_REUSEPORT).
        """
        self.port = port
        self._thread = local.thread
        self._host = host
        self._share_port = share_port
        self._certificates = certificates
        limits = limits or ConnectionLimits()
        self._asking = Asking(local.assistant, desk)
        app = open_to(cors, wrap(build_app(self._asking, local.limits, Health(local.assistant, stopping))))
        self._server = _Server(
            limits,
            uvicorn.Config(
                PlainHeaders(_behind_proxies(app)),
                proxy_headers=False,  # they are read behind PlainHeaders
                log_config=None,
                access_log=False,  # its lines would say who asked, and when
                server_header=False,
                http=protocol(limits),
                timeout_graceful_shutdown=10,
                ws="none",
                lifespan="off",
            ),
        )
        self._socket: socket.socket | None = None
        self._serving: Future[None] | None = None

    def start(self) -> int:
        """Listen, serve, and return the port. Raises ServerError when the address cannot be had."""
        self._socket = _listen(self._host, self.port, self._share_port)
        self.port = int(self._socket.getsockname()[1])
        self._server.config.load()  # here, where what is wrong with it can be raised
        if self._certificates is not None:
            self._server.config.ssl = (
                self._certificates.context()
            )  # loaded and checked as those of the gRPC port
        self._serving = self._thread.start(self._serve(self._socket))
        self._thread.run(self._started())
        return self.port

    async def _serve(self, where: socket.socket) -> None:
        try:
            await self._server.serve(sockets=[where])
        except SystemExit as error:  # how uvicorn says that it could not start; it has logged why
            raise ServerError("The HTTP port did not start; the log says why.") from error

    async def _started(self) -> None:
        assert self._serving is not None
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)  # uvicorn tells nobody when it has started

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no new connections, answer what was accepted, and return; after `grace_s` the rest is cut off.

        Bodies that are still coming when all else is answered are refused.
        """
        self._server.config.timeout_graceful_shutdown = max(0, round(grace_s))
        self._server.should_exit = True
        if self._serving is not None and not self._serving.done():
            ending = self._thread.start(self._asking.end_receiving(grace_s))
            with suppress(TimeoutError):
                self._serving.result(grace_s + 5.0)
            ending.cancel()
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn's, which does not bound TLS handshakes."""

    def __init__(self, limits: ConnectionLimits, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._limits = limits

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on the sockets."""
        await super().startup([])
        for one in sockets or ():
            context: Any = self.config.ssl
            if context is not None:
                port: Any = TlsPort(one, context, self._connection, self._limits)
            else:
                loop = asyncio.get_running_loop()
                port = await loop.create_server(self._connection, sock=one, backlog=self.config.backlog)
            self.servers.append(port)

    def _connection(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _behind_proxies(app: ASGIApp) -> ASGIApp:
    """As uvicorn does by itself: the proxies of this variable say who calls."""
    middleware: Any = ProxyHeadersMiddleware  # uvicorn and Starlette type ASGI differently
    wrapped: ASGIApp = middleware(app, os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))
    return wrapped


def _listen(host: str, port: int, share_port: bool) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ServerError(f"There is no port {port}; ports are 0 (any that is free) to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024, reuse_port=share_port)
    except OSError as error:
        raise ServerError(
            f"Cannot listen for HTTP on {host} port {port}: {error.strerror}. Take another port."
        ) from error
