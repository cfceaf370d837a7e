"""Turns a status code and its google.rpc details into the exception that the caller sees."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2

from asksight.v1 import vqa_pb2

from .errors import (
    AskCancelledError,
    AskSightError,
    DeadlineError,
    InternalError,
    InvalidAskError,
    ModelNotFoundError,
    OverloadedError,
    PhotoNotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from .proxies import proxy_used

DETAILS_KEY = "grpc-status-details-bin"

# How gRPC's own messages begin where no server was reached; a server's messages begin otherwise.
UNREACHED = (
    "failed to connect",
    "dns resolution failed",
    "name resolution",
    "connections to all backends",
    "ring hash cannot find",
    "errors resolving",
)
# What a proxy answers in HTTP for a server that it cannot reach, as gRPC says it.
PROXY_FAILED = re.compile(r"http2 header with status: 50[0234]")
# How Ray Serve's Python proxy tells, with INTERNAL, of a replica that died while it computed (ray.exceptions).
REPLICA_LOST = re.compile(r"The actor (died unexpectedly|[0-9a-f]+ is unavailable)")
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED: "


# (key, value) pairs; blocking and asyncio stubs have different types for them.
Metadata: TypeAlias = Iterable[Any]


class FailedCall(Protocol):
    """The methods that a failed call has in both grpc and grpc.aio."""

    def code(self) -> grpc.StatusCode | None: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Metadata | None: ...


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why one ask failed, the same for a failed call, a result of a batch, and an error in this process."""

    code: str  # a grpc.StatusCode name, as in "INVALID_ARGUMENT"
    message: str
    field: str = ""
    retry_after_s: float | None = None


def to_error(fault: Fault) -> AskSightError:
    """Give the exception for a fault, with the server's message unchanged."""
    match fault.code:
        case "INVALID_ARGUMENT" | "OUT_OF_RANGE" | "FAILED_PRECONDITION":
            return InvalidAskError(fault.message, field=fault.field)
        case "NOT_FOUND" if fault.field == "model":
            return ModelNotFoundError(fault.message)
        case "NOT_FOUND":
            return PhotoNotFoundError(fault.message)
        case "RESOURCE_EXHAUSTED" if _is_about_size(fault):
            return TooLargeError(fault.message)
        case "RESOURCE_EXHAUSTED":
            return OverloadedError(fault.message, retry_after_s=fault.retry_after_s)
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return UnauthenticatedError(fault.message)
        case "DEADLINE_EXCEEDED":
            return DeadlineError(fault.message)
        case "CANCELLED":
            return AskCancelledError(fault.message)
        case "UNAVAILABLE":
            return UnavailableError(fault.message)
        case _:
            return InternalError(fault.message)


def from_item(error: vqa_pb2.AskError) -> AskSightError:
    """Give the exception for one failed ask of a batch; `error.code` is a google.rpc.Code."""
    known = code_pb2.Code.DESCRIPTOR.values_by_number.get(error.code)
    retry_after_s = _seconds(error.retry_delay) if error.HasField("retry_delay") else None
    return to_error(
        Fault(
            code=known.name if known else "UNKNOWN",
            message=error.message,
            field=error.field,
            retry_after_s=retry_after_s,
        )
    )


def from_call(call: FailedCall, *, target: str) -> AskSightError:
    """Give the exception for a call to `target` that failed."""
    status = call.code()
    code = status.name if status is not None else "UNKNOWN"
    details = call.details() or ""
    if code == "DEADLINE_EXCEEDED":
        return too_late(target)
    if code == "UNAVAILABLE" and details.lower().startswith(UNREACHED):
        return _unreached(details, target)
    if code == "UNIMPLEMENTED":
        return InternalError(
            f"The server at {target} is not an AskSight server, or a much older one ({details}). Check the address."
        )
    if PROXY_FAILED.search(details):
        return UnavailableError(f"The proxy at {target} reached no server ({details}). Ask again.")
    if code == "INTERNAL" and REPLICA_LOST.match(details):
        return UnavailableError(f"A replica at {target} died while it computed the answer. Ask again.")
    field, retry_after_s = _read_details(call.trailing_metadata())
    message = details or f"The server at {target} failed with {code} and gave no reason."
    return to_error(Fault(code=code, message=message, field=field, retry_after_s=retry_after_s))


def too_late(target: str) -> DeadlineError:
    """The exception for a call to `target` whose time ran out."""
    return DeadlineError(f"No answer came from {target} in time. Give a longer timeout, or ask later.")


def _unreached(details: str, target: str) -> UnavailableError:
    """Why no server was reached, from the words of gRPC, which has no codes for it."""
    if UNTRUSTED in details:
        reason = details.partition(UNTRUSTED)[2].partition(":")[0]
        return UnavailableError(
            f"The certificate of the server at {target} is not trusted ({reason}). Give the authority that signed it, "
            "or have it renewed.",
            lasting=True,
        )
    if "WRONG_VERSION_NUMBER" in details:
        return UnavailableError(
            f"The server at {target} does not speak TLS. Connect without it, or check the address.",
            lasting=True,
        )
    if "Hostname Verification" in details:
        return UnavailableError(
            f"The certificate of the server at {target} is for another name. Ask it by the name that it was made for.",
            lasting=True,
        )
    if "resolv" in details.lower() or "resolution" in details.lower():
        said = f"No address is known for the host of {target}. Check its name."
    else:
        reason = next((one for one in reversed(details.rstrip("]").split(": ")) if one != "OK"), details)
        said = f"No server can be reached at {target} ({reason}). Is `asksight serve` running there?"
        if "Socket closed" in details:
            said += " A server that hangs up at once may expect TLS."
    proxy = proxy_used(target)
    if proxy:
        said += f" The way went through the proxy of the variable {proxy}; name the host in no_proxy to go past it."
    return UnavailableError(said)


def _is_about_size(fault: Fault) -> bool:
    """Whether RESOURCE_EXHAUSTED means a message that is too large.

    The code also stands for an overload, which has a retry delay; a size has a field, or gRPC's own message.
    """
    return fault.retry_after_s is None and (bool(fault.field) or "larger than max" in fault.message)


def _read_details(metadata: Metadata | None) -> tuple[str, float | None]:
    """Find the field at fault and the retry delay in seconds."""
    field = ""
    retry_after_s = None
    for key, value in metadata or ():
        if key != DETAILS_KEY or not isinstance(value, bytes):
            continue
        for detail in status_pb2.Status.FromString(value).details:
            bad_request = error_details_pb2.BadRequest()
            retry_info = error_details_pb2.RetryInfo()
            if detail.Unpack(bad_request) and bad_request.field_violations:
                field = bad_request.field_violations[0].field
            elif detail.Unpack(retry_info):
                retry_after_s = _seconds(retry_info.retry_delay)
    return field, retry_after_s


def _seconds(delay: Duration) -> float:
    return delay.seconds + delay.nanos / 1e9
