"""A web server of files for tests, with the faults that real ones have: dropped connections, no ranges, refusals."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BODY = random.Random(5).randbytes(300_000)
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


@dataclass
class FileServer:
    """What it serves and how; change it at any time."""

    files: dict[str, bytes] = field(default_factory=dict)
    drop_after: int | None = None  # bytes of each answer, then the connection is cut
    drops_left: int = 1_000_000
    ranges: bool = True
    head: bool = True
    refusals: list[int] = field(default_factory=list)  # codes to answer the next GETs with
    etag: str = '"one"'
    address: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, Range
    sent: int = 0  # bytes of bodies


@contextmanager
def file_server(**about: object) -> Iterator[FileServer]:
    """Serve on a free port of this machine until the block ends."""
    state = FileServer(**about)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            state.asked.append(("HEAD", urlsplit(self.path).path, None))
            body = state.files.get(self.path.lstrip("/"))
            self.answer(405 if not state.head else 404 if body is None else 200, length=len(body or b""))

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(("GET", urlsplit(self.path).path, wanted))
            body = state.files.get(self.path.lstrip("/"))
            if state.refusals:
                self.answer(state.refusals.pop(0))
            elif body is None:
                self.answer(404)
            elif (
                wanted and state.ranges and self.headers.get("If-Range", state.etag) == state.etag
            ):  # else the whole file
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(body):
                    self.answer(416)
                    return
                self.answer(206, body[start:], f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.answer(200, body)

        def answer(
            self, code: int, body: bytes = b"", content_range: str = "", length: int | None = None
        ) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.send_header("ETag", state.etag)
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            cut = state.drop_after is not None and len(body) > state.drop_after and state.drops_left > 0
            if cut:
                state.drops_left -= 1
                body = body[: state.drop_after]
            # Before the write: the reader may be done with it before this thread goes on.
            state.sent += len(body)
            self.wfile.write(body)
            self.close_connection = cut or code != 200

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
