"""Pages of other origins that may ask: by CORS (https://fetch.spec.whatwg.org/#http-cors-protocol), off by default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ..access.calls import REQUEST_ID

SENT = ("authorization", "content-type", "grpc-timeout", REQUEST_ID)
READ = (REQUEST_ID, "retry-after", "content-language")
AGAIN_AFTER_S = 600  # a browser asks anew whether it may


def open_to(origins: Sequence[str], app: ASGIApp) -> ASGIApp:
    """The application, to be asked by pages of these origins; itself where there are none.

    Tokens go over as a header that the page sets itself, never as a cookie, so no credentials are allowed.
    """
    if not origins:
        return app
    middleware: Any = CORSMiddleware
    opened: ASGIApp = middleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=SENT,
        expose_headers=READ,
        max_age=AGAIN_AFTER_S,
    )
    return opened
