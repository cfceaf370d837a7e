"""Pages of other origins: none may ask unless the setting names them; then refusals can be read too."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from server_rig import MakeRig

from asksight.server.access.calls import Desk
from asksight.server.http.gateway import Gateway

ORIGIN = "https://example.org"
ALLOWED = "access-control-allow-origin"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, grpc-timeout",
}


@contextmanager
def opened(make_rig: MakeRig, cors: Sequence[str]) -> Iterator[http.client.HTTPConnection]:
    local = make_rig().local
    with Gateway(local, Desk(local.assistant.admission), port=0, cors=cors) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        yield connection
        connection.close()


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]
) -> tuple[int, dict[str, str]]:
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_by_default_no_other_page_may_ask(make_rig: MakeRig) -> None:
    with opened(make_rig, ()) as connection:
        for method, headers in (("OPTIONS", PREFLIGHT), ("GET", {"Origin": ORIGIN})):
            _, said = asked(connection, method, "/v1/model", headers)
            assert not any(name.startswith("access-control") for name in said)


@pytest.mark.parametrize(("cors", "told"), [([ORIGIN, "http://localhost:3000"], ORIGIN), (["*"], "*")])
def test_pages_of_a_named_origin_may_ask_and_read_refusals(
    make_rig: MakeRig, cors: list[str], told: str
) -> None:
    with opened(make_rig, cors) as connection:
        status, said = asked(connection, "OPTIONS", "/v1/ask", PREFLIGHT)
        assert (status, said[ALLOWED]) == (200, told)
        assert {"authorization", "content-type"} <= set(
            said["access-control-allow-headers"].lower().split(", ")
        )
        status, said = asked(connection, "GET", "/v1/model", {"Origin": ORIGIN})
        assert (status, said[ALLOWED]) == (200, told)
        assert "x-request-id" in said["access-control-expose-headers"]
        status, said = asked(connection, "POST", "/v1/ask", {"Origin": ORIGIN, "Content-Type": "text/plain"})
        assert status >= 400
        assert said[ALLOWED] == told
        assert "access-control-allow-credentials" not in said


def test_another_origin_is_not_let_in_by_a_name_like_it(make_rig: MakeRig) -> None:
    with opened(make_rig, [ORIGIN]) as connection:
        for origin in ("https://example.org.evil.test", "http://example.org", "null"):
            _, said = asked(connection, "GET", "/v1/model", {"Origin": origin})
            assert ALLOWED not in said
