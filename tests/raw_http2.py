"""HTTP/2 as no gRPC library speaks it: half a message and then nothing, and frames by hand (RFC 9113)."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamReset, TrailersReceived
from h2.settings import SettingCodes

ASK = "/asksight.v1.VqaService/Ask"
DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6  # kinds of frames
GOAWAY, WINDOW_UPDATE, CONTINUATION = 7, 8, 9
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WAIT_S = 30.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame (4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(stream: int = 1, path: str = ASK, *more: tuple[str, str]) -> bytes:
    """The headers of a call, each a literal that is not indexed (RFC 7541, 6.2.2)."""
    block = b""
    for name, value in (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *more,
    ):
        block += b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return frame(HEADERS, 4, stream, block)


def reset_at_once(stream: int) -> bytes:
    """A call that is opened and reset (CVE-2023-44487)."""
    return headers(stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


HEADERS_BEGIN = frame(HEADERS, 0, 1, b"\0\x01a\x01b")
HEADERS_GO_ON = frame(CONTINUATION, 0, 1, b"\0\x01a\x7f\xff\x01" + bytes(382))  # as in CVE-2024-2653
ASKS_FOR_ACK = frame(PING, 0, 0, bytes(8))


def window_setting(size: int) -> bytes:
    """SETTINGS_INITIAL_WINDOW_SIZE (6.5.2)."""
    return frame(SETTINGS, 0, 0, struct.pack(">HI", 4, size))


TAKES_ALL = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**30))  # so much of answers


def whole_call(stream: int, path: str, *more: tuple[str, str], message: bytes = b"") -> bytes:
    """A call with all that belongs to it."""
    said = bytes(1) + struct.pack(">I", len(message)) + message
    return headers(stream, path, *more) + frame(DATA, 1, stream, said)


class RawHttp2:
    """One connection; `statuses` holds the gRPC status of each stream that has ended, by its number."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), timeout=WAIT_S)
        as_given = H2Configuration(
            client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self._h2 = H2Connection(as_given)
        self._h2.initiate_connection()
        self._unheard = b""
        self._unsent: dict[int, int] = {}
        self.trailers: dict[int, dict[str, str]] = {}
        self.statuses: dict[int, tuple[str, str]] = {}  # code, as in "8", and message
        self.bytes_sent = 0
        self._send()

    def begin(self, size: int, sent: int, *, path: str = ASK, token: str = "") -> int:
        """Begin a call whose message is `size` bytes, of which `sent` are sent as far as the server takes them."""
        headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "here")]
        headers += [("content-type", "application/grpc"), ("te", "trailers")]
        if token:
            headers.append(("authorization", f"Bearer {token}"))
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, headers)
        if size:
            self._h2.send_data(stream, b"\0" + size.to_bytes(4, "big"))
        self._unsent[stream] = sent
        self._send()
        return stream

    def send(self, stream: int, data: bytes) -> None:
        """Send what is given, at once."""
        self._h2.send_data(stream, data)
        self._send()

    def more(self, stream: int, count: int) -> None:
        """Send so many bytes more, as far as the server takes them."""
        self._unsent[stream] += count

    def call(self, path: bytes, *more: tuple[bytes, bytes], message: bytes = b"") -> int:
        """A whole call with more metadata, in whatever bytes; until it has ended, give its stream."""
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"here")]
        headers += [(b"content-type", b"application/grpc"), (b"te", b"trailers"), *more]
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, headers)
        self._h2.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message, end_stream=True)
        self._send()
        self.until_ended(len(self.statuses) + 1)
        return stream

    def take_nothing(self) -> None:
        """Give the server no window for its answers."""
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        self._send()

    def call_and_go(self, path: str, token: str = "") -> None:
        """Begin a call whose message, of no field, is whole."""
        stream = self.begin(0, 0, path=path, token=token)
        self._h2.send_data(stream, bytes(5), end_stream=True)
        self._send()

    def go_on(self, seconds: float) -> None:
        """Send what may be sent and hear what is said, until nothing has happened for so long."""
        quiet_s = time.monotonic()
        while time.monotonic() - quiet_s < seconds:
            if self._send_more() or self._hear():
                quiet_s = time.monotonic()

    def until_ended(self, streams: int) -> None:
        """Go on until so many streams have a status."""
        ends_s = time.monotonic() + WAIT_S
        while len(self.statuses) < streams:
            assert time.monotonic() < ends_s
            self._send_more()
            self._hear()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> RawHttp2:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send_more(self) -> bool:
        more = False
        for stream, left in list(self._unsent.items()):
            size = min(left, self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if size > 0:
                self._h2.send_data(stream, bytes(size))
                self._unsent[stream] -= size
                self.bytes_sent += size
                more = True
        self._send()
        return more

    def _send(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self._socket.settimeout(WAIT_S)
            self._socket.sendall(data)

    def _hear(self) -> bool:
        self._socket.settimeout(0.02)
        with suppress(TimeoutError):
            data = self._socket.recv(65536)
            assert data, "the server has hung up"
            for whole in self._frames(data):
                for event in self._h2.receive_data(whole):
                    self._note(event)
            self._send()
            return True
        return False

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """Each frame that is now there as a whole, but for GOAWAY: h2 hears nothing after one, though a server that
        stops goes on with the calls it has (6.8)."""
        self._unheard += data
        while len(self._unheard) >= (end := 9 + int.from_bytes(self._unheard[:3], "big")):
            whole, self._unheard = self._unheard[:end], self._unheard[end:]
            if whole[3] != GOAWAY:
                yield whole

    def _note(self, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            said = {_text(name): _text(value) for name, value in event.headers or ()}
            if "grpc-status" in said and event.stream_id is not None:
                self.statuses[event.stream_id] = (said["grpc-status"], said.get("grpc-message", ""))
                self.trailers[event.stream_id] = said
                self._unsent.pop(event.stream_id, None)
        elif isinstance(event, StreamReset):
            self._unsent.pop(event.stream_id, None)
        elif isinstance(event, DataReceived) and event.stream_id is not None:
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
