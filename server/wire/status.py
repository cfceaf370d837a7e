"""The one place where an AskError becomes a gRPC status with google.rpc details, or an item's error in a batch."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from asksight.v1 import vqa_pb2

from ..errors import AskError

DETAILS_KEY = "grpc-status-details-bin"  # where gRPC carries them
PUSHBACK_KEY = "grpc-retry-pushback-ms"


def code_number(error: AskError) -> int:
    """The error's google.rpc.Code, as in 3 for INVALID_ARGUMENT."""
    number: int = grpc.StatusCode[error.code].value[0]
    return number


def to_status(error: AskError) -> status_pb2.Status:
    """The status with BadRequest where a field is at fault, and RetryInfo where the caller should come back."""
    status = status_pb2.Status(code=code_number(error), message=error.message)
    if error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
        status.details.append(_packed(error_details_pb2.BadRequest(field_violations=[violation])))
    if error.retry_after_s is not None:
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=_delay(error.retry_after_s))))
    return status


def trailing(error: AskError) -> tuple[tuple[str, str | bytes], ...]:
    """The trailing metadata: the status, and, for clients that let gRPC retry, how long to wait before (gRFC A6)."""
    status = (DETAILS_KEY, to_status(error).SerializeToString())
    if error.retry_after_s is None:
        return (status,)
    return status, (PUSHBACK_KEY, str(round(error.retry_after_s * 1000)))


async def abort(context: Any, error: AskError, more: tuple[tuple[str, str | bytes], ...] = ()) -> NoReturn:
    """End a call (grpc.aio.ServicerContext) with the error's status; raises gRPC's AbortError.

    gRPC keeps that, and so all frames through which it comes, until Python looks for cycles: not one of them should
    have a variable that holds the message.
    """
    error.forget_origin()
    await context.abort(grpc.StatusCode[error.code], error.message, (*more, *trailing(error)))
    raise AssertionError("abort raises")


def to_item(error: AskError) -> vqa_pb2.AskError:
    """The error of one ask in a batch."""
    error.forget_origin()
    delay = None if error.retry_after_s is None else _delay(error.retry_after_s)
    return vqa_pb2.AskError(
        code=code_number(error), message=error.message, field=error.field, retry_delay=delay
    )


def _delay(seconds: float) -> Duration:
    delay = Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    return delay


def _packed(detail: error_details_pb2.BadRequest | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
