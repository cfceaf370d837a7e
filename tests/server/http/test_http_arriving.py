"""Bodies on their way are bounded: in bytes for all and for each caller, in time, and in what JSON may make of them."""

from __future__ import annotations

import json
import select
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from http_rig import QUESTION, MakeWeb, Web, problem
from photo_files import photo
from server_rig import WAIT_S, MakeRig, until
from token_lines import line

from asksight.photos.limits import PhotoLimits
from asksight.server.access.authentication import Authentication
from asksight.server.access.calls import Desk
from asksight.server.access.tokens import TokenFile
from asksight.server.core.arrivals import Arrivals
from asksight.server.errors import Overloaded
from asksight.server.http.arriving import Arriving
from asksight.server.http.gateway import Gateway
from asksight.server.http.json_asks import from_json
from asksight.server.http.problems import Problem
from asksight.server.limits import Limits


def test_bodies_that_wait_to_be_read_are_bounded_for_each_caller_and_in_all() -> None:
    arriving = Arriving(Arrivals(Limits(receiving_bytes=100)))
    with ExitStack() as stack:
        stack.enter_context(arriving.waiting("me", 50))
        with pytest.raises(Overloaded), arriving.waiting("me", 1):
            pass
        stack.enter_context(arriving.waiting("you", 50))
        with pytest.raises(Overloaded), arriving.waiting("they", 1):
            pass
    with arriving.waiting("they", 50):
        pass


def test_whoever_sends_a_small_photo_is_answered_beside_forms_that_stall(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    limits = Limits(receiving_bytes=600_000, max_message_bytes=300_000, photo=PhotoLimits(max_bytes=290_000))
    (tmp_path / "tokens").write_text("".join(line(name, name) for name in ("one", "two", "other")))
    rig = make_rig(limits=limits)
    desk = Desk(rig.local.assistant.admission, authentication=Authentication(TokenFile(tmp_path / "tokens")))
    with Gateway(rig.local, desk, port=0) as gateway, ExitStack() as stack:
        for name in ("one", "two"):  # each has nearly the half that one caller may have
            stalled = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            stalled.sendall(form_that_stalls(name))
        until(lambda: rig.local.assistant.arrivals.bytes > 580_000)
        reply = httpx.post(
            f"http://127.0.0.1:{gateway.port}/v1/ask",
            headers={"authorization": "Bearer other"},
            files={"image": ("a.jpg", photo() + bytes(100_000))},
            data={"question": QUESTION},
            timeout=WAIT_S,
        )
        assert reply.status_code == 200, reply.text
        assert rig.local.assistant.arrivals.bytes < 300_000  # the larger of the two was ended


def form_that_stalls(token: str) -> bytes:
    head = f"POST /v1/ask HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    head += "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 300000\r\n\r\n"
    part = '--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return (head + part + "x" * (295_000 - len(part))).encode()


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
