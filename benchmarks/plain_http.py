"""An HTTP/1.1 client that uses very little processor time: one open connection for each caller, all in one thread.

The counterpart of plain_grpc.py: requests are prepared bytes, and of a response only the status line and the
Content-Length are parsed. It works only with well-behaved servers; in all other cases it raises an error.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Sequence

# Gets the body of its last response (b"" at first) and gives its next request.
Caller = Callable[[bytes], bytes]

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PATIENCE_S = 120.0  # the longest wait for any byte of a response


class PlainHttp:
    """Connections to one server; `talk` keeps one request of each caller running."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def talk(self, callers: Sequence[Caller], seconds: float) -> list[float]:
        """Let the callers ask for that long; gives the seconds of each answered request.

        At the end, running requests are waited for; requests that their callers then give are not sent. Raises
        RuntimeError for any status but 200.
        """
        while len(self._sockets) < len(callers):
            self._sockets.append(socket.create_connection(("127.0.0.1", self._port), PATIENCE_S))
            self._sockets[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end_s = time.perf_counter() + seconds
        took_s: list[float] = []
        began_s: dict[int, float] = {}
        unread: dict[int, bytes] = {}
        by_number = {}
        poll = select.poll()
        for one, caller in zip(self._sockets, callers, strict=False):
            by_number[one.fileno()] = one, caller
            poll.register(one, select.POLLIN)
            began_s[one.fileno()], unread[one.fileno()] = time.perf_counter(), b""
            one.sendall(caller(b""))
        while began_s:
            ready = poll.poll(PATIENCE_S * 1000)
            if not ready:
                raise TimeoutError(f"no answer within {PATIENCE_S} s")
            for number, _ in ready:
                one, caller = by_number[number]
                more = one.recv(1 << 18)
                if not more:
                    raise ConnectionError("the server has hung up")
                unread[number] += more
                body = whole(unread[number])
                if body is None:
                    continue
                now_s = time.perf_counter()
                took_s.append(now_s - began_s.pop(number))
                unread[number] = b""
                request = caller(body)
                if now_s < end_s:
                    began_s[number] = now_s
                    one.sendall(request)
        return took_s

    def close(self) -> None:
        for one in self._sockets:
            one.close()


def whole(answer: bytes) -> bytes | None:
    """The body of a response; None while a part of it is missing. Raises RuntimeError for any status but 200."""
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        return None
    if head[9:12] != b"200":
        raise RuntimeError(f"the server answered {head.splitlines()[0]!r}: {body[:200]!r}")
    length = LENGTH.search(head)
    if length is None:
        raise RuntimeError(f"the answer does not say how long it is: {head!r}")
    return body if len(body) >= int(length[1]) else None
