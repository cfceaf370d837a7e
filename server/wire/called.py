"""One call over gRPC, of whichever service: its caller, its message, its place, its answer or its error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from ..access.calls import Call, Desk
from ..errors import AskError
from .receiving import Context, Receiving
from .requests import deadline_of
from .status import abort


def called(
    method: str, answer: Callable[[bytes, Call], Awaitable[Message]], *, desk: Desk, receiving: Receiving
) -> Callable[[Any, Context], Awaitable[bytes]]:
    """The handler of one method; every error leaves through here. gRPC cancels it at the call's deadline."""

    async def answered(context: Context, call: Call) -> bytes:
        message = await _message(context, call, receiving)
        with call:
            written = (await answer(message, call)).SerializeToString()
        receiving.untaken.note(call.caller_key, len(written), context)
        return written

    async def handler(_: Any, context: Context) -> bytes:
        call = desk.call(method, context.invocation_metadata() or (), context, deadline_of(context))
        context.set_trailing_metadata(call.trailing())
        try:
            return await answered(context, call)
        except AskError as error:
            await abort(context, error, call.trailing())
        except grpc.aio.BaseError:  # gRPC's own, of a call that has ended meanwhile
            raise
        except Exception as error:  # noqa: BLE001  of which gRPC would tell the caller
            await abort(context, call.failed(error), call.trailing())

    return handler


async def _message(context: Context, call: Call, receiving: Receiving) -> bytes:
    """The call's message, once its caller is known and has taken its answers. Raises AskError."""
    caller = call.identify()
    try:
        receiving.untaken.check(caller.key)
        return await receiving.message(context, caller.key, call)
    except AskError as error:
        call.refused(error)
        raise
