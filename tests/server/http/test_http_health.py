"""Health over HTTP: a word for load balancers, without a token."""

from __future__ import annotations

from pathlib import Path

import httpx
from http_rig import Web

from asksight.server.access.authentication import Authentication
from asksight.server.access.calls import Desk
from asksight.server.access.tokens import TokenFile
from asksight.server.http.gateway import Gateway


def test_it_is_live_and_ready_until_it_is_stopping(web: Web, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("")
    stopping: list[bool] = []
    desk = Desk(
        web.rig.local.assistant.admission, authentication=Authentication(TokenFile(tokens, forgiving=True))
    )
    with Gateway(web.rig.local, desk, port=0, stopping=lambda: bool(stopping)) as gateway:
        address = f"http://127.0.0.1:{gateway.port}/v1"

        def said(path: str) -> tuple[int, object]:
            answer = httpx.get(f"{address}/{path}", trust_env=False)
            return answer.status_code, answer.json().get("status")

        assert said("model")[0] == 401
        assert said("health/live") == said("health/ready") == (200, "ok")
        stopping.append(True)
        assert said("health/live") == (200, "ok")
        assert said("health/ready") == (503, "no")
