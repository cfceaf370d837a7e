"""A gRPC client that uses very little processor time: concurrent unary calls over one connection, in one thread.

A load generator shares the machine with the server that it measures. grpcio's client uses as much processor time for a
call as the server; this one uses 0.06 ms. It writes HTTP/2 frames itself (RFC 9113), encodes the headers once (RFC
7541, 6.2.2: literals without indexing), and does not parse responses. It works only with well-behaved servers and
photos smaller than a stream's window of 64 kB; in all other cases it raises an error.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence

# Gets the response to its last message (b"" at first) and gives its next message.
Caller = Callable[[bytes], bytes]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW = 4  # the identifier of this setting
WINDOW = 2**31 - 1 - 65_535
LARGEST_FRAME = 16_384
PREFIX = 5  # bytes before each gRPC message: a compression flag and the length
PATIENCE_S = 120.0  # the longest wait for any byte of a response


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(name: str, value: str) -> bytes:
    """One header field, never indexed, not Huffman-coded; both are shorter than 127 bytes."""
    return b"\x10" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


class PlainGrpc:
    """One connection; `run` and `talk` keep several calls of one method running."""

    def __init__(self, port: int, path: str, *, may_fail: bool = False) -> None:
        """With `may_fail`, failed calls are counted in `failed`, and their callers make the next call at once."""
        self._may_fail = may_fail
        self.failed = 0
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "127.0.0.1",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        self._headers = b"".join(literal(name, value) for name, value in fields.items())
        settings = struct.pack(">HI", INITIAL_WINDOW, 2**31 - 1)
        self._socket.sendall(
            PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, WINDOW.to_bytes(4, "big"))
        )
        self._next_stream = 1
        self._unread = b""
        self._window = 65_535  # the connection's window: bytes that may still be sent
        self._owed: list[bytes] = []  # frames that wait for the window
        self._began: dict[int, tuple[float, Caller]] = {}  # running calls, by stream
        self._answers: dict[int, bytes] = {}  # their responses so far, by stream
        self._received = 0  # bytes received since the last WINDOW_UPDATE

    def _send(self, message: bytes) -> int:
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        body = b"\0" + len(message).to_bytes(4, "big") + message
        self._owed.append(frame(HEADERS, END_HEADERS, stream, self._headers))
        for at in range(0, len(body), LARGEST_FRAME):
            last = at + LARGEST_FRAME >= len(body)
            self._owed.append(frame(DATA, END_STREAM * last, stream, body[at : at + LARGEST_FRAME]))
        return stream

    def _flush(self) -> None:
        """Send waiting frames as far as the connection's window allows. Photos fit a stream's own window."""
        ready = []
        while self._owed:
            one = self._owed[0]
            size = len(one) - 9 if one[3] == DATA else 0
            if size > self._window:
                break
            self._window -= size
            ready.append(self._owed.pop(0))
        if ready:
            self._socket.sendall(b"".join(ready))

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The frames of at least one read."""
        data = self._unread + self._socket.recv(1 << 18)
        if len(data) == len(self._unread):
            raise ConnectionError("the server has hung up")
        at = 0
        while at + 9 <= len(data):
            size = int.from_bytes(data[at : at + 3], "big")
            if at + 9 + size > len(data):
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big") & 0x7FFFFFFF
            yield data[at + 3], data[at + 4], stream, data[at + 9 : at + 9 + size]
            at += 9 + size
        self._unread = data[at:]

    def run(self, messages: Callable[[], bytes], callers: int, seconds: float) -> list[float]:
        """Keep `callers` calls running for that long; gives the seconds of each answered call.

        Raises RuntimeError for a failed call.
        """
        return self.talk([lambda _: messages()] * callers, seconds)

    def talk(self, callers: Sequence[Caller], seconds: float) -> list[float]:
        """As `run`, for callers whose next message may depend on their last response; each has one running call.

        At the end, running calls are waited for; messages that their callers then give are not sent. Raises
        RuntimeError for a failed call, which is one whose trailers come without data before them.
        """
        return talk_all([self], [callers], seconds)

    def _begin(self, callers: Sequence[Caller]) -> None:
        for caller in callers:
            self._began[self._send(caller(b""))] = time.perf_counter(), caller
        self._flush()

    def _hear(self, end_s: float) -> list[float]:
        """Read once; gives the seconds of each answered call. Before `end_s` its caller makes the next call."""
        took_s: list[float] = []
        for kind, flags, stream, payload in self._frames():
            if kind == DATA:
                self._answers[stream] = self._answers.get(stream, b"") + payload
                self._received += len(payload)
            elif kind == SETTINGS and not flags & ACK:
                self._owed.append(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self._owed.append(frame(PING, ACK, 0, payload))
            elif kind == WINDOW_UPDATE and stream == 0:
                self._window += int.from_bytes(payload, "big")
            elif kind == GOAWAY or (kind == RST_STREAM and stream in self._began):
                raise RuntimeError(f"the server ended a call by frame {kind}: {payload!r}")
            if kind == HEADERS and flags & END_STREAM:
                if stream in self._answers:
                    took_s.append(time.perf_counter() - self._began[stream][0])
                elif self._may_fail:
                    self.failed += 1
                else:
                    raise RuntimeError(f"a call failed: {payload!r}")
                answer, now_s = self._answers.pop(stream, b""), time.perf_counter()
                _, caller = self._began.pop(stream)
                message = caller(answer[PREFIX:])
                if now_s < end_s:
                    self._began[self._send(message)] = now_s, caller
        if self._received > 1 << 20:
            self._owed.append(frame(WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        self._flush()
        return took_s

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def talk_all(
    connections: Sequence[PlainGrpc], callers: Sequence[Sequence[Caller]], seconds: float
) -> list[float]:
    """As `talk`, for many connections in one thread; callers[i] belong to connections[i]."""
    end_s = time.perf_counter() + seconds
    poll = select.poll()
    talking = {}
    for one, its_callers in zip(connections, callers, strict=True):
        one._begin(its_callers)
        talking[one.fileno()] = one
        poll.register(one.fileno(), select.POLLIN)
    took_s: list[float] = []
    while talking:
        ready = poll.poll(PATIENCE_S * 1000)
        if not ready:
            raise TimeoutError(f"no answer within {PATIENCE_S:.0f} s")
        for number, _ in ready:
            one = talking[number]
            took_s += one._hear(end_s)
            if not one._began:
                del talking[number]
                poll.unregister(number)
    return took_s
