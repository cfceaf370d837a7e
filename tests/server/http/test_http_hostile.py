"""Bodies that are made to cost much or to break what reads them: refused with a sentence, and in turns."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from http_rig import Web, problem
from uvicorn.protocols.http.h11_impl import H11Protocol

from asksight.server.http import connections
from asksight.server.http.json_asks import MOST_CHARS
from asksight.server.http.turns import Turns

LONG = "a " * MOST_CHARS


@pytest.mark.parametrize(
    "body",
    [
        b'{"\\ud800": 1}',
        b'{"topK": "\\ud800"}',
        b'{"question": "\\ud800"}',
        b'{"question": ["a"]}',
        b'{"question": {"a": 1}}',
        f'{{"topK": "{LONG}"}}'.encode(),
        f'{{"model": "{LONG}"}}'.encode(),
        f'{{"{LONG}": 1}}'.encode(),
    ],
)
def test_json_that_no_field_holds_is_refused_in_a_short_sentence(web: Web, body: bytes) -> None:
    response = web.http.post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
    assert len(problem(response, 400)["detail"]) < 400


def test_a_long_value_is_refused_before_protobuf_sees_it(web: Web) -> None:
    response = web.http.post("/v1/ask", json={"model": LONG})
    assert f"at most {MOST_CHARS}" in problem(response, 400)["detail"]


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "utf-16", "zip"])
def test_a_form_is_taken_in_utf_8_alone(web: Web, charset: str) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="question"\r\n\r\n\\ud800\r\n--B--\r\n'
    kind = f"multipart/form-data; boundary=B; charset={charset}"
    response = web.http.post("/v1/ask", content=body, headers={"Content-Type": kind})
    assert charset in problem(response, 415)["detail"]


def test_what_takes_long_to_parse_waits_for_its_turn_and_is_answered(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0

    def slow() -> float:
        nonlocal now_s
        now_s += connections.FREE_S
        return now_s

    paid: list[float] = []
    take = Turns.take

    def noted(turns: Turns, count: int, go_on: Callable[[], None], **more: Any) -> None:
        paid.append(more["parsed_s"])
        take(turns, count, go_on, **more)

    monkeypatch.setattr("asksight.server.http.connections.time.thread_time", slow)
    monkeypatch.setattr(Turns, "take", noted)
    chunks = 2000
    with socket.create_connection(("127.0.0.1", web.gateway.port), timeout=30) as caller:
        caller.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + b"1\r\nx\r\n" * chunks + b"0\r\n\r\n"
        )
        said = b""
        while came := caller.recv(65536):
            said += came
    assert b"The body is not JSON" in said
    pieces = 6 * chunks // connections.PIECE_BYTES
    assert len(paid) >= pieces
    assert min(paid) > 0


@pytest.mark.parametrize("chunked", [False, True])
def test_only_what_may_take_long_is_parsed_in_pieces(
    web: Web, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    """Pieces of an ordinary body cost twenty times what it costs in one go."""
    sizes: list[int] = []
    parse = H11Protocol.data_received

    def noted(connection: H11Protocol, data: bytes) -> None:
        sizes.append(len(data))
        parse(connection, data)

    monkeypatch.setattr(H11Protocol, "data_received", noted)
    body = b" " * 10 * connections.PIECE_BYTES
    sent = (body[at : at + 100] for at in range(0, len(body), 100)) if chunked else body
    reply = web.http.post("/v1/ask", content=sent, headers={"Content-Type": "application/json"})
    assert "not JSON" in problem(reply, 400)["detail"]
    assert (max(sizes) > connections.PIECE_BYTES) is not chunked
    assert sum(sizes) >= len(body)
