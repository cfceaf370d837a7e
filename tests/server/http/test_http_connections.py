"""Connections that send half of something end in time, and hold no place that somebody else could use."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from http_rig import QUESTION
from photo_files import photo
from server_rig import MakeRig, hold, release

from asksight.server.access.calls import Desk
from asksight.server.http import connections
from asksight.server.http.connections import ConnectionLimits
from asksight.server.http.gateway import Gateway
from asksight.server.http.turns import FREE_BYTES, UNREAD_BYTES_PER_S, Turns

HALF_A_HEAD = b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nX-a: "
GET = b"GET /v1/model HTTP/1.1\r\nHost: x\r\n"
Dial = Callable[..., socket.socket]


@pytest.fixture
def dials(make_rig: MakeRig) -> Iterator[Any]:
    """Gives a function that gives, for limits, one that connects and sends."""
    with ExitStack() as stack:

        def serve(**limits: Any) -> Dial:
            rig = make_rig()
            gateway = Gateway(
                rig.local, Desk(rig.local.assistant.admission), port=0, limits=ConnectionLimits(**limits)
            )
            stack.enter_context(gateway)
            stack.callback(release, rig.encoder)
            hold(rig.encoder)

            def dial(sent: bytes, source: str = "127.0.0.1") -> socket.socket:
                connection = socket.create_connection(
                    ("127.0.0.1", gateway.port), timeout=20, source_address=(source, 0)
                )
                stack.enter_context(connection)
                connection.sendall(sent)
                return connection

            return dial

        yield serve


def read_all(connection: socket.socket) -> bytes:
    said = b""
    try:
        while came := connection.recv(65536):
            said += came
    except ConnectionResetError:
        pass
    return said


def answer(connection: socket.socket) -> tuple[int, dict[str, Any], bytes]:
    head, _, body = read_all(connection).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head.lower()


def an_ask() -> bytes:
    body = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + photo()
    body += (
        f'\r\n--B\r\nContent-Disposition: form-data; name="question"\r\n\r\n{QUESTION}\r\n--B--\r\n'.encode()
    )
    head = "POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD])
def test_a_head_that_stalls_ends_with_408(dials: Any, sent: bytes) -> None:
    status, body, _ = answer(dials(head_within_s=0.1)(sent))
    assert (status, body["code"]) == (408, "DEADLINE_EXCEEDED")


def test_the_second_head_of_a_connection_ends_in_time_too(dials: Any) -> None:
    said = read_all(dials(head_within_s=0.1)(GET + b"\r\n" + HALF_A_HEAD))
    assert said.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in said


def test_half_heads_give_their_places_to_who_asks(dials: Any) -> None:
    dial = dials(connections=8)
    slow = [dial(HALF_A_HEAD, f"127.0.0.{2 + number % 3}") for number in range(40)]
    assert answer(dial(GET + b"Connection: close\r\n\r\n"))[0] == 200
    assert read_all(slow[0]) == b""  # the oldest


def test_one_address_has_half_of_the_places_and_all_taken_is_503(dials: Any) -> None:
    dial = dials(connections=4)
    asks = [dial(an_ask(), "127.0.0.2") for _ in range(2)]
    assert len(asks) == 2
    status, body, head = answer(dial(GET + b"\r\n", "127.0.0.2"))
    assert (status, body["code"]) == (503, "RESOURCE_EXHAUSTED")
    assert b"retry-after: 1" in head
    assert b"content-type: application/problem+json" in head
    assert answer(dial(GET + b"Connection: close\r\n\r\n", "127.0.0.3"))[0] == 200


def test_a_proxy_may_have_all_places(dials: Any) -> None:
    dial = dials(connections=4, per_address=4)
    asks = [dial(an_ask()) for _ in range(3)]
    assert len(asks) == 3
    assert answer(dial(GET + b"Connection: close\r\n\r\n"))[0] == 200


def test_addresses_of_one_network_share_its_places(dials: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "network", lambda address: address[: len("127.0.0.")])
    dial = dials(connections=4)
    asks = [dial(an_ask(), f"127.0.0.{number}") for number in (1, 2)]
    assert len(asks) == 2
    assert answer(dial(an_ask(), "127.0.0.3"))[0] == 503
    assert answer(dial(GET + b"Connection: close\r\n\r\n", "127.0.1.1"))[0] == 200


@pytest.mark.parametrize("path", [b"/v1/model", b"/openapi.json", b"/", b"/nowhere"])
def test_a_body_that_nobody_reads_ends_in_time(dials: Any, path: bytes) -> None:
    connection = dials(unread_within_s=0.1)(
        b"GET %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx" % path
    )
    assert read_all(connection).startswith(b"HTTP/1.1 ")


def test_what_nobody_reads_is_thrown_away_at_a_bounded_rate(dials: Any) -> None:
    endless = dials(unread_within_s=0.5)(GET + b"Content-Length: 99999999999\r\n\r\n")
    sent = 0
    with suppress(OSError):
        while True:
            sent += endless.send(bytes(2**20))
    assert (
        sent < 4 * UNREAD_BYTES_PER_S
    )  # half of it, and what lay on the way; loopback carries many times as much


def test_what_nobody_reads_takes_no_turn_of_what_is_read(dials: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Turns] = []
    take = Turns.take

    def noted(turns: Turns, *given: Any, **named: Any) -> None:
        taken.append(turns)
        take(turns, *given, **named)

    monkeypatch.setattr(Turns, "take", noted)
    dial, size = dials(unread_within_s=0.5, head_within_s=0.5), 4 * FREE_BYTES
    head = b"POST /%b HTTP/1.1\r\nHost: x\r\nContent-Type: text/json\r\nContent-Length: %d\r\n%b\r\n"
    seen = []
    for path, more in ((b"nowhere", b""), (b"v1/ask", b"Connection: close\r\n")):
        connection = dial(head % (path, size, more))
        with suppress(OSError):
            connection.sendall(bytes(size))
        assert read_all(connection).startswith(b"HTTP/1.1 4")
        seen.append(set(taken))
        taken.clear()
    assert seen[0]
    assert seen[1]
    assert not seen[0] & seen[1]


def test_what_is_no_http_is_a_problem(dials: Any) -> None:
    dial = dials()
    status, body, _ = answer(dial(b"\x16\x03\x01\x02\x00\r\n\r\n"))
    assert (status, body["status"]) == (400, 400)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    assert b" 400 " in read_all(
        dial(b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: text/json\r\n" + chunked + b"zz\r\n")
    )
