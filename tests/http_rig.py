"""What tests of the HTTP face share: a question, and how a problem looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from server_rig import Rig

from asksight.server.http.gateway import Gateway

QUESTION = "What colour is this?"


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that a response tells of, checked to be one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["detail"].strip()
    return body


@dataclass(frozen=True)
class Web:
    """A rig, its HTTP face, and a caller."""

    rig: Rig
    gateway: Gateway
    http: httpx.Client
    address: str


MakeWeb = Callable[..., Web]
