"""What goes wrong, as application/problem+json (RFC 9457), from the same statuses that gRPC callers see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import JSONResponse

from ..errors import AskError

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,  # nginx's own, which many monitors know: the caller went away
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
TITLES = {
    400: "The ask cannot be answered as it stands",
    401: "A token is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Another method is needed",
    408: "The request took too long to arrive",
    413: "Too large",
    415: "Another form of request is needed",
    429: "Too many asks are waiting",
    499: "The caller went away",
    500: "The server failed",
    501: "Not known here",
    503: "Not available at the moment",
    504: "The time ran out",
}
CODES = {405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED", 413: "RESOURCE_EXHAUSTED", 415: "INVALID_ARGUMENT"}


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 (RFC 9457's own name)
    """An ask that is answered with an error; `code` is the name of the gRPC status that says the same."""

    status: int
    code: str
    detail: str
    at_fault: str = ""  # the request's field; empty when none is
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # beside those that follow from the rest

    def response(self) -> JSONResponse:
        """Write it out."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "The ask failed"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        headers = {"Cache-Control": "no-store", **self.headers}
        if self.at_fault:
            body["errors"] = [{"field": self.at_fault, "detail": self.detail}]
        if self.retry_after_s is not None:
            body["retryAfterSeconds"] = self.retry_after_s
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(body, self.status, headers, media_type="application/problem+json")


def refused(status: int, detail: str, *, field: str = "") -> Problem:
    """A problem with the HTTP request itself, before there is an ask."""
    return Problem(status, CODES.get(status, "INVALID_ARGUMENT"), detail, field)


def from_error(error: AskError, headers: Mapping[str, str]) -> Problem:
    """The problem that an ask's error is, to be answered with `headers` too."""
    error.forget_origin()
    status = HTTP_STATUS.get(error.code, 500)
    if error.code == "RESOURCE_EXHAUSTED" and error.retry_after_s is None:
        status = 413  # not a full queue: more bytes than are taken, and coming back does not help
    return Problem(status, error.code, error.message, error.field, error.retry_after_s, headers)
