"""HTTP/2 used against the server: it answers others meanwhile, and nothing is left behind of it."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import grpc
import pytest
from asking import request
from raw_http2 import (
    ASKS_FOR_ACK,
    HEADERS_BEGIN,
    HEADERS_GO_ON,
    PREFACE,
    RawHttp2,
    reset_at_once,
    whole_call,
    window_setting,
)
from server_rig import NOTHING, WAIT_S, MakeServed, Served, until
from soak_fakes import rss_mb
from token_lines import line

from asksight.engine.memory import trim_memory
from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.wire import untaken

MANY = 400
TOGETHER = 100  # frames that are sent in one go
TURNS = 200
TOO_MUCH = "8"

Blow = Callable[[int], bytes]  # by its number


def settings(_: int) -> bytes:
    return window_setting(random.randrange(2**16))


FLOODS: dict[str, tuple[bytes, Blow]] = {
    "streams that are reset at once": (b"", lambda number: reset_at_once(2 * number + 1)),
    "headers that go on": (HEADERS_BEGIN, lambda _: HEADERS_GO_ON),
    "settings": (b"", settings),
    "pings": (b"", lambda _: ASKS_FOR_ACK),
}


def trimmed_mb() -> float:
    """Without what was freed, of which gRPC's threads leave much."""
    trim_memory()
    return rss_mb()


def tasks(served: Served) -> int:
    return served.rig.look(lambda: len(asyncio.all_tasks()))


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_keeps_nobody_from_asking_and_leaves_nothing(served: Served, flood: str) -> None:
    first, blow = FLOODS[flood]
    served.stub.Ask(request(), timeout=WAIT_S)
    before, numbers = tasks(served), count()
    with (
        suppress(OSError),  # the server may hang up
        socket.create_connection(("127.0.0.1", served.port), timeout=WAIT_S) as raw,
    ):
        raw.sendall(PREFACE + window_setting(65535) + first)
        for turn in range(TURNS):
            raw.sendall(b"".join(blow(next(numbers)) for _ in range(TOGETHER)))
            if turn % 20 == 0:
                assert served.stub.Ask(request(turn), timeout=WAIT_S).answers
    assert served.stub.Ask(request(), timeout=WAIT_S).answers
    until(lambda: tasks(served) <= before)
    assert served.rig.left == NOTHING


def test_headers_that_go_on_are_not_kept(served: Served) -> None:
    together = HEADERS_GO_ON * 1000
    with socket.create_connection(("127.0.0.1", served.port), timeout=WAIT_S) as raw:
        raw.sendall(PREFACE + window_setting(65535) + HEADERS_BEGIN + together)
        served.stub.Ask(request(), timeout=WAIT_S)
        before_mb = trimmed_mb()
        for _ in range(MANY):
            raw.sendall(together)
        assert served.stub.Ask(request(), timeout=WAIT_S).answers
        until(lambda: trimmed_mb() - before_mb < MANY * len(together) / 1e6 / 2)


def test_pings_without_end_end_the_connection(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=0.05) as raw:
        raw.sendall(PREFACE + window_setting(65535))

        def hung_up() -> bool:
            try:
                raw.sendall(ASKS_FOR_ACK * TOGETHER)
                return not raw.recv(65536)
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        until(hung_up)


def test_answers_that_nobody_takes_go_with_their_connection(served: Served) -> None:
    before = tasks(served)
    with socket.create_connection(("127.0.0.1", served.port), timeout=WAIT_S) as raw:
        raw.sendall(PREFACE + window_setting(0))
        for stream in range(1, 200, 2):
            raw.sendall(whole_call(stream, "/asksight.v1.VqaService/GetModel"))
        until(lambda: tasks(served) > before)
        assert served.stub.Ask(request(), timeout=WAIT_S).answers
    until(lambda: tasks(served) <= before)
    assert served.rig.left == NOTHING


def test_who_takes_no_answers_gets_no_more_and_others_do(
    make_served: MakeServed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untaken, "OF_CALLER_BYTES", 2000)
    (tmp_path / "tokens").write_text(line("greedy", "one") + line("other", "two"))
    served = make_served(authentication=Authentication(TokenFile(tmp_path / "tokens")))

    def asked(token: str) -> bool:
        metadata = (("authorization", f"Bearer {token}"),)
        return bool(served.stub.Ask(request(), timeout=WAIT_S, metadata=metadata).answers)

    with RawHttp2(served.port) as raw:
        raw.take_nothing()
        while not raw.statuses:
            raw.call_and_go("/asksight.v1.VqaService/GetModel", token="one")
            raw.go_on(0.02)
        assert {code for code, _ in raw.statuses.values()} == {TOO_MUCH}
        assert "take them first" in next(iter(raw.statuses.values()))[1]
        assert all(asked("two") for _ in range(20))  # who takes them may have as many as it likes

    def let_in_again() -> bool:
        with suppress(grpc.RpcError):
            return asked("one")
        return False

    until(let_in_again)
