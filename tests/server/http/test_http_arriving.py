"""Bodies on their way are bounded: in bytes for all and for each caller, in time, and in what JSON may make of them."""

from __future__ import annotations

import json
import select
import socket
from contextlib import ExitStack

import pytest
from http_rig import MakeWeb, Web, problem

from asksight.photos.limits import PhotoLimits
from asksight.server.errors import Overloaded
from asksight.server.http.arriving import Arriving
from asksight.server.http.json_asks import from_json
from asksight.server.http.problems import Problem
from asksight.server.limits import Limits


def test_bytes_are_bounded_for_each_caller_and_in_all() -> None:
    arriving = Arriving(Limits(receiving_bytes=100))
    with ExitStack() as stack:
        mine = stack.enter_context(arriving.body("me"))
        mine.came(50)
        with pytest.raises(Overloaded), arriving.body("me") as more:
            more.came(1)
        assert arriving.held == 50
        yours = stack.enter_context(arriving.body("you"))
        yours.came(50)
        with pytest.raises(Overloaded), arriving.body("they") as theirs:
            theirs.came(1)
    assert arriving.held == 0


def test_bodies_are_counted_too() -> None:
    arriving = Arriving(Limits(receiving=4))
    with arriving.body("me"):
        with pytest.raises(Overloaded), arriving.body("me"):
            pass
        others = (arriving.body("you"), arriving.body("they"), arriving.body("she"))
        with others[0], others[1], others[2], pytest.raises(Overloaded), arriving.body("he"):
            pass


def test_stalled_forms_beyond_the_bound_are_told_to_come_again(make_web: MakeWeb) -> None:
    web = make_web(
        Limits(receiving_bytes=600_000, max_message_bytes=300_000, photo=PhotoLimits(max_bytes=290_000))
    )
    head = b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    part = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + b"x" * 200_000
    with ExitStack() as stack:
        stalled = []
        for _ in range(2):
            stalled.append(stack.enter_context(socket.create_connection(("127.0.0.1", web.gateway.port))))
            stalled[-1].sendall(head + b"Content-Length: 300000\r\n\r\n" + part)
        ready, _, _ = select.select(stalled, [], [], 20)  # one of the two has gone beyond half of the bound
        said = ready[0].recv(65536)
        assert said.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in said


def test_a_body_that_stalls_ends_with_408(make_web: MakeWeb) -> None:
    web = make_web(Limits(receive_within_s=0.1))
    with socket.create_connection(("127.0.0.1", web.gateway.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "bomb",
    [
        b'{"question":[' + b"{}," * 100_000 + b"{}]}",
        b"[" + b"[]," * 100_000 + b"[]]",
        b"[" * 100_000,
        b"{" + b",".join(b'"%x":0' % number for number in range(10_000)) + b"}",
        b'["' + b'\\"' * 100_000 + b'"]',
        b'{"question":"' + b"," * 5000 + b'","other":[' + b"0," * 5000 + b"0]}",
    ],
)
def test_no_tree_is_made_of_a_json_bomb(monkeypatch: pytest.MonkeyPatch, bomb: bytes) -> None:
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(Problem) as caught:
        from_json(bomb, {})
    assert "brackets and commas" in caught.value.detail


@pytest.mark.parametrize("number", [b"9" * 4000, b"0." + b"9" * 4000, b"9" * 400_000])
def test_no_number_is_made_of_thousands_of_digits(web: Web, number: bytes) -> None:
    reply = web.http.post(
        "/v1/ask", content=b'{"topK":' + number + b"}", headers={"content-type": "application/json"}
    )
    assert "not JSON" in problem(reply, 400)["detail"]
