"""Headers that no library behind can read are dropped, traced or not; a token of that kind is none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from http_rig import problem
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from server_rig import MakeRig
from starlette.types import ASGIApp, Receive, Scope, Send

from asksight.server.access.authentication import Authentication
from asksight.server.access.callers import Caller
from asksight.server.access.calls import Desk
from asksight.server.access.tokens import TokenFile
from asksight.server.http.gateway import Gateway

ODD = [b"\xe9\\x", b"caf\xe9", b"caf\xc3\xa9", b"a\tb", b"\xff"]
OPTIONAL = ["x-request-id", "tracestate", "traceparent", "baggage", "x-forwarded-for", "user-agent"]


class Listens:
    """Notes the values that a library behind would have to read."""

    def __init__(self, app: ASGIApp, heard: list[bytes]) -> None:
        self.app, self.heard = app, heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        self.heard += [value for name, value in scope["headers"] if value in ODD and name != b"grpc-timeout"]
        await self.app(scope, receive, send)


def test_an_address_that_is_none_is_not_taken_for_the_callers(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig()
    seen: list[str] = []
    desk = Desk(rig.local.assistant.admission)
    enter = desk.callers.enter

    def note(caller: Caller) -> None:
        seen.append(caller.key)
        enter(caller)

    monkeypatch.setattr(desk.callers, "enter", note)
    with (
        Gateway(rig.local, desk, port=0) as gateway,
        httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False) as http,
    ):
        for said in (b"caf\xe9", b"a\tb", b"who knows", b"10.1.2.3"):
            assert http.get("/v1/model", headers=[(b"x-forwarded-for", said)]).is_success
    assert seen == ["127.0.0.1"] * 3 + ["10.1.2.3"]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_optional_is_dropped_and_a_token_refused(
    make_rig: MakeRig, tmp_path: Path, odd: bytes
) -> None:
    (tmp_path / "tokens").write_text(f"alice {hashlib.sha256(b'secret').hexdigest()}\n")
    rig = make_rig()
    heard: list[bytes] = []
    desk = Desk(rig.local.assistant.admission, authentication=Authentication(TokenFile(tmp_path / "tokens")))
    with (
        Gateway(
            rig.local, desk, port=0, wrap=lambda app: OpenTelemetryMiddleware(Listens(app, heard))
        ) as gateway,
        httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False) as http,
    ):
        for name in OPTIONAL:
            headers = [(b"authorization", b"Bearer secret"), (name.encode(), odd)]
            reply = http.get("/v1/model", headers=headers)
            assert reply.status_code == 200, name
            assert reply.headers["x-request-id"].isalnum()
        traced = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        for key in (b"tracestate", b"baggage"):
            assert http.get(
                "/v1/model", headers=[(b"authorization", b"Bearer secret"), traced, (key, odd)]
            ).is_success
        assert heard == []
        problem(http.get("/v1/model", headers=[(b"authorization", b"Bearer " + odd)]), 401)
        problem(http.get("/v1/model", headers=[(b"grpc-timeout", odd)]), 401)  # the token is looked at first
        timeout = http.get(
            "/v1/model", headers=[(b"authorization", b"Bearer secret"), (b"grpc-timeout", odd)]
        )
        assert "digits" in problem(timeout, 400)["detail"]
