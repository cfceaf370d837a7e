"""What goes wrong, as application/problem+json (RFC 9457), from the same statuses that gRPC callers see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2, status_pb2
from starlette.responses import JSONResponse

HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,  # nginx's own, which many monitors know: the caller went away
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
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
BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
DETAILS_KEY = "grpc-status-details-bin"


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 (RFC 9457's own name)
    """An ask that is answered with an error; `code` is the name of the gRPC status that says the same."""

    status: int
    code: str
    detail: str
    field: str = ""
    retry_after_s: float | None = None

    def response(self) -> JSONResponse:
        """Write it out."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "The ask failed"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        headers = {"Cache-Control": "no-store"}
        if self.field:
            body["errors"] = [{"field": self.field, "detail": self.detail}]
        if self.retry_after_s is not None:
            body["retryAfterSeconds"] = self.retry_after_s
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(body, self.status, headers, media_type="application/problem+json")


def refused(status: int, detail: str, *, field: str = "") -> Problem:
    """A problem with the HTTP request itself, before there is an ask."""
    return Problem(status, CODES.get(status, "INVALID_ARGUMENT"), detail, field)


def from_rpc(
    code: grpc.StatusCode, message: str | None, metadata: Sequence[tuple[str, str | bytes]]
) -> Problem:
    """The problem that a failed call tells of, with the field and the delay of its google.rpc details."""
    field, retry_after_s = "", None
    for key, value in metadata:
        if key != DETAILS_KEY or not isinstance(value, bytes):
            continue
        for detail in status_pb2.Status.FromString(value).details:
            bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
            if detail.Unpack(bad) and bad.field_violations:
                field = bad.field_violations[0].field
            elif detail.Unpack(retry):
                retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    status = HTTP_STATUS.get(code, 500)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after_s is None:
        status = 413  # not a full queue: more bytes than are taken, and coming back does not help
    return Problem(status, code.name, message or TITLES[500], field, retry_after_s)
