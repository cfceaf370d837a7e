"""The attacks of attacks.py, run in a separate process. It connects first, and attacks once it reads a line from stdin.

    python benchmarks/soak/attackers.py GRPC_PORT HTTP_PORT ATTACK TOKEN...

HTTP_PORT 0 means that there is no HTTP. ATTACK names a function of this file; empty runs all attacks. The tokens belong
to the attackers; some attacks need none. Each attack pauses between two attempts, and the process runs at a low
priority, since it shares its cores with the server.
"""

from __future__ import annotations

import io
import os
import random
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection_pb2
from PIL import Image
from raw_http2 import (
    ASKS_FOR_ACK,
    HEADERS_BEGIN,
    HEADERS_GO_ON,
    PREFACE,
    SETTINGS,
    TAKES_ALL,
    RawHttp2,
    frame,
    reset_at_once,
    whole_call,
    window_setting,
)

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

MEBI = 2**20
HTTP = b"HTTP/1.1\r\nHost: here\r\n"
Attack = Callable[[], object]


def again(attack: Attack, rest_s: float) -> None:
    """Repeat an attack until the process ends. Where the server closes its connection, only this attempt ends."""
    while True:
        with suppress(OSError, AssertionError, grpc.RpcError, ValueError):
            attack()
        time.sleep(rest_s)


def stalled_streams(port: int, token: str) -> None:
    """Ten messages of 16 MiB over one connection; only 15 MiB of each are sent."""
    with RawHttp2(port) as raw:
        for _ in range(10):
            raw.begin(16 * MEBI - 100, 15 * MEBI, token=token)
        raw.go_on(5.0)


def endless_body(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"GET /v1/model " + HTTP + b"Content-Length: 99999999999\r\n\r\n")
        while True:
            line.sendall(bytes(MEBI))


def stalled_form(port: int, token: str) -> None:
    """16 MiB of a form that never ends."""
    secret = f"Authorization: Bearer {token}\r\n".encode() if token else b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"POST /v1/ask " + HTTP + secret)
        line.sendall(b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 16777216\r\n\r\n")
        line.sendall(b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n\xff\xd8')
        line.sendall(bytes(15 * MEBI))
        line.recv(1)


def json_bomb(port: int, token: str) -> None:
    body = b'{"question":[' + b",".join([random.choice((b"{}", b"[]"))] * (5 * MEBI)) + b"]}"
    secret = f"Authorization: Bearer {token}\r\n".encode() if token else b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"POST /v1/ask " + HTTP + secret)
        line.sendall(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        line.sendall(body)
        line.recv(1)


def half_headers(port: int) -> None:
    """300 requests whose headers never end."""
    lines = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(300)]
    for line in lines:
        line.sendall(b"POST /v1/ask " + HTTP + b"X-a: ")
    for _ in range(10):
        time.sleep(1)
        for line in lines:
            with suppress(OSError):
                line.sendall(b"a")
    for line in lines:
        line.close()


def empty_asks(stub: vqa_pb2_grpc.VqaServiceStub, channel: grpc.Channel, token: str) -> None:
    del stub
    call: Any = channel.unary_unary("/asksight.v1.VqaService/AskBatch")
    call(b"\x0a\x00" * (8 * MEBI - 50), metadata=bearer(token), timeout=20)


def hostile_questions(stub: vqa_pb2_grpc.VqaServiceStub, channel: grpc.Channel, token: str) -> None:
    """256 questions of 1,000 punctuation marks each."""
    del channel
    marks = (":)=", ":)+", ":)==", ":)$", "''")
    image_id = stub.Ask(vqa_pb2.AskRequest(image_data=small(), question="?"), metadata=bearer(token)).image_id
    asks = [
        vqa_pb2.AskRequest(image_id=image_id, question="".join(random.choices(marks, k=330))[:1000])
        for _ in range(256)
    ]
    stub.AskBatch(vqa_pb2.AskBatchRequest(asks=asks), metadata=bearer(token), timeout=60)


def large_webp(stub: vqa_pb2_grpc.VqaServiceStub, channel: grpc.Channel, token: str) -> None:
    """A file of a kilobyte that decodes to 48 megapixels."""
    del channel
    photo = WEBP + random.randbytes(8)
    stub.Ask(vqa_pb2.AskRequest(image_data=photo, question="?"), metadata=bearer(token), timeout=10)


def rapid_reset(port: int) -> None:
    """Streams that are opened and reset immediately."""
    flood(port, reset_at_once)


def continuations(port: int) -> None:
    """Headers that never end."""
    flood(port, lambda _: HEADERS_GO_ON, HEADERS_BEGIN)


def settings(port: int) -> None:
    flood(port, lambda _: window_setting(random.randrange(2**16)))


def pings(port: int) -> None:
    flood(port, lambda _: ASKS_FOR_ACK)


def health(port: int) -> None:
    """Health's calls, which need no token, 2,000 a second."""
    flood(port, lambda stream: whole_call(stream, "/grpc.health.v1.Health/Check"), TAKES_ALL, hear=True)


def reflection(port: int, token: str) -> None:
    """Descriptors of all that is served, 2,000 calls a second."""
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    wanted = reflection_pb2.ServerReflectionRequest(file_containing_symbol="asksight.v1.VqaService")
    call = partial(whole_call, message=wanted.SerializeToString())
    flood(port, lambda stream: call(stream, path, *bearer(token)), TAKES_ALL, hear=True)


def zero_window(port: int) -> None:
    """Asks whose responses cannot be sent, since the window is zero."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(PREFACE + window_setting(0))
        for stream in range(1, 101, 2):
            line.sendall(whole_call(stream, "/grpc.health.v1.Health/Check"))
        time.sleep(10)


def flood(port: int, blow: Callable[[int], bytes], first: bytes = b"", *, hear: bool = False) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(PREFACE + frame(SETTINGS, 0, 0) + first)
        line.setblocking(True)
        for turn in range(500):
            line.sendall(b"".join(blow(2 * (100 * turn + at) + 1) for at in range(100)))
            time.sleep(0.05)
            while hear and select.select([line], [], [], 0)[0] and line.recv(2**20):
                pass


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def small() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "JPEG")
    return file.getvalue()


def _webp() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8000, 6000)).save(file, "WEBP", lossless=True)
    return file.getvalue()


def main() -> None:
    port, http, only, *tokens = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    os.nice(19)
    attacks: list[tuple[str, Attack, float]] = []  # with the pause between two attempts, in seconds

    def add(attack: Callable[..., object], *given: object, rest_s: float) -> None:
        if only in ("", attack.__name__):
            attacks.append((attack.__name__, partial(attack, *given), rest_s))

    for attack, token in zip((empty_asks, hostile_questions, large_webp, large_webp), tokens, strict=False):
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        add(attack, vqa_pb2_grpc.VqaServiceStub(channel), channel, token, rest_s=0.5)
    for token in ("", *tokens[4:6], *tokens[4:6]):
        add(stalled_streams, port, token, rest_s=0.1)
    for flooding in (rapid_reset, continuations, settings, pings, zero_window):
        add(flooding, port, rest_s=0.5)
    for token in (
        tokens[:4] if only else ()
    ):  # by themselves: they are calls like any other, and take turns with them
        add(health, port, rest_s=0.5)
        add(reflection, port, token, rest_s=0.5)
    if http:
        add(endless_body, http, rest_s=0.1)
        add(half_headers, http, rest_s=0.5)
        for token in ("", tokens[6], tokens[7]):
            add(json_bomb, http, token, rest_s=2.0)
            for _ in range(10):
                add(stalled_form, http, token, rest_s=0.2)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in attacks]
    sys.stdin.readline()
    for one in idle:
        one.close()
    for name, one_attack, rest_s in attacks:
        threading.Thread(target=again, name=name, args=(one_attack, rest_s), daemon=True).start()
    threading.Event().wait()


WEBP = _webp()

if __name__ == "__main__":
    main()
