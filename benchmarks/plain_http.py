"""An HTTP/1.1 caller that costs next to nothing: a connection a caller, kept open, all of them in one thread.

As plain_grpc.py is for gRPC: requests are bytes that were made before, and an answer is read by its status line and its
Content-Length. It is for servers that are known; it fails loudly.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Sequence

Caller = Callable[[bytes], bytes]  # given the body of its last answer, b"" at first; gives its next request

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PATIENCE_S = 120.0  # for the next byte of any answer


class PlainHttp:
    """Connections to one server; `talk` keeps one request of each caller under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def talk(self, callers: Sequence[Caller], seconds: float) -> list[float]:
        """Let them ask for that long; gives how many seconds each answer took.

        What is under way in the end is waited for; the requests that its callers give then are not sent. Raises
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
    """The body of an answer, None while some of it is missing. Raises RuntimeError for any status but 200."""
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        return None
    if head[9:12] != b"200":
        raise RuntimeError(f"the server answered {head.splitlines()[0]!r}: {body[:200]!r}")
    length = LENGTH.search(head)
    if length is None:
        raise RuntimeError(f"the answer does not say how long it is: {head!r}")
    return body if len(body) >= int(length[1]) else None
