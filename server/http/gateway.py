"""The HTTP port: uvicorn in a thread of its own beside the gRPC server, started and stopped with it."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import uvicorn

from ..access.tls import TlsFiles
from ..errors import ServerError
from ..limits import Limits
from .app import build_app
from .upstream import Upstream

log = logging.getLogger(__name__)

STARTING_S = 30.0
DEFAULT_CONNECTIONS = 256  # at once, each with at most one photo in memory; beyond them 503


class InnerSocket:
    """A place where the two faces of a process meet: a socket in a folder that only this user may enter."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="asksight-"))  # mode 0700
        self.address = f"unix:{self._folder / 'grpc'}"

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Gateway:
    """Serves HTTP in front of the gRPC server at `address`. `start` and `stop` once each; `with` does both."""

    def __init__(
        self,
        address: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        limits: Limits | None = None,
        connections: int = DEFAULT_CONNECTIONS,
        tls: TlsFiles | None = None,
        renew_every_s: int = 30,
    ) -> None:
        """`port` 0 picks a free one; `limits` are those of the server behind it.

        With `tls` it is HTTPS, and certificates that change on disk are read again within `renew_every_s`.
        """
        limits = limits or Limits()
        self.port = port
        self._host = host
        self._tls = tls
        self._stamp = _stamp(tls)
        app = build_app(Upstream(address, max_message_bytes=limits.max_message_bytes), limits)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # its lines would say who asked, and when
                server_header=False,
                limit_concurrency=connections,
                timeout_graceful_shutdown=10,
                ws="none",
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
                ssl_ca_certs=str(tls.client_authority) if tls and tls.client_authority else None,
                ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.client_authority else ssl.CERT_NONE,
                callback_notify=self._renew if tls else None,
                timeout_notify=renew_every_s,
            )
        )
        self._thread = threading.Thread(target=self._run, name="asksight-http", daemon=True)
        self._socket: socket.socket | None = None
        self._ended = threading.Event()

    def start(self) -> int:
        """Listen, serve, and return the port. Raises ServerError when the address cannot be had."""
        self._socket = _listen(self._host, self.port)
        self.port = int(self._socket.getsockname()[1])
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(STARTING_S / 0.01)):
            if self._server.started or self._ended.is_set():
                break
            waited.wait(0.01)  # uvicorn tells nobody when it has started
        if not self._server.started:
            raise ServerError("The HTTP port did not start; the log says why.")
        return self.port

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no new connections, answer what was accepted, and return; after `grace_s` the rest is cut off."""
        self._server.config.timeout_graceful_shutdown = max(0, round(grace_s))
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(grace_s + 5.0)
        if self._socket is not None:
            self._socket.close()

    async def _renew(self) -> None:
        """Take a certificate that has changed for the handshakes to come; one that cannot be read is left alone."""
        context, stamp = self._server.config.ssl, _stamp(self._tls)
        if self._tls is None or context is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            context.load_cert_chain(self._tls.certificate, self._tls.key)
        except (OSError, ssl.SSLError) as error:
            log.error("The new TLS certificate cannot be used, the old one stays: %s", error)

    def _run(self) -> None:
        assert self._socket is not None
        try:
            self._server.run(sockets=[self._socket])
        except SystemExit:  # how uvicorn says that it could not start; it has logged why
            pass
        finally:
            self._ended.set()

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _stamp(tls: TlsFiles | None) -> tuple[int, ...]:
    if tls is None:
        return ()
    return tuple(path.stat().st_mtime_ns for path in tls.paths() if path.exists())


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ServerError(f"There is no port {port}; ports are 0 (any that is free) to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ServerError(
            f"Cannot listen for HTTP on {host} port {port}: {error.strerror}. Take another port."
        ) from error
