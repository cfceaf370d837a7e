"""A port of its own for those who watch: /metrics, /livez and /readyz, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from ..errors import ServerError
from ..wire.addresses import join

TEXT = "text/plain; charset=utf-8"


class MonitoringPort:
    """Serves HTTP in threads of its own, from `start` to `stop`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        registry: Callable[[], CollectorRegistry],
        live: Callable[[], bool],
        ready: Callable[[], bool],
        faults: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Raises ServerError where the port cannot be had. `registry` is asked at every scrape.

        `faults` are lines that /readyz says; while there are any, it is not ready.
        """

        class Answering(BaseHTTPRequestHandler):
            timeout = 10  # seconds for a slow one

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._say(200, generate_latest(registry()), CONTENT_TYPE_LATEST)
                elif path in ("/livez", "/readyz"):
                    said = faults() if path == "/readyz" else ()
                    good = (live if path == "/livez" else ready)() and not said
                    self._say(
                        200 if good else 503, "\n".join(["ok" if good else "no", *said, ""]).encode(), TEXT
                    )
                else:
                    self._say(404, b"There are /metrics, /livez and /readyz.\n", TEXT)

            def _say(self, code: int, body: bytes, kind: str) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: probes come every few seconds."""

        class Listening(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        try:
            self._server = Listening((host, port), Answering)
        except (OSError, OverflowError) as error:
            raise ServerError(
                f"Cannot listen on {join(host, port)} for metrics: {error}. Take another port."
            ) from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="asksight-monitoring",
            daemon=True,
        )

    def start(self) -> int:
        """Serve, and return the port."""
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """Serve no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
