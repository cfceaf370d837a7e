"""Header values that are not plain ASCII go no further: libraries behind, tracing above all, fail on them."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

PLAIN = re.compile(rb"[\x20-\x7e]*")
ADDRESSES = re.compile(
    rb"[0-9A-Fa-f:., \[\]]*"
)  # what is taken for a caller's address names its share and its logs
EXPLAINED = {b"content-type", b"content-encoding", b"grpc-timeout"}  # refused with a sentence of their own


class PlainHeaders:
    """Drops them, so that what is optional is as if it had not come, and a token is as if there were none: 401."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        scope["headers"] = [(name, value) for name, value in scope["headers"] if _taken(name, value)]
        await self._app(scope, receive, send)


def _taken(name: bytes, value: bytes) -> bool:
    wanted = ADDRESSES if name == b"x-forwarded-for" else PLAIN
    return name in EXPLAINED or wanted.fullmatch(value) is not None
