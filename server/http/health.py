"""Whether it lives and is ready, for load balancers that know HTTP alone; like gRPC's health, it asks for no token."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..core.assistant import Assistant


class Health:
    """Answers in the assistant's event loop, with one word."""

    def __init__(self, assistant: Assistant, stopping: Callable[[], bool]) -> None:
        self._assistant = assistant
        self._stopping = stopping

    async def live(self, _: Request) -> Response:
        """503 where only a new process helps."""
        return _said(not self._assistant.models.stuck)

    async def ready(self, _: Request) -> Response:
        """503 where asks should go elsewhere."""
        return _said(self._assistant.healthy and not self._stopping())


def _said(good: bool) -> Response:
    return JSONResponse(
        {"status": "ok" if good else "no"}, 200 if good else 503, headers={"Cache-Control": "no-store"}
    )
