"""Messages that are no protobuf are the caller's fault, and are told so; gRPC would call it an unknown error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from .errors import InvalidAsk

OURS = "/asksight.v1.VqaService/"
MALFORMED = object()


class Reading(grpc.aio.ServerInterceptor):
    """Reads the messages of VqaService."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        ours = handler_call_details.method.startswith(OURS)
        if handler is None or not ours or handler.request_deserializer is None:
            return handler

        def read(data: bytes) -> Any:
            try:
                return handler.request_deserializer(data)
            except DecodeError:
                return MALFORMED

        async def answer(request: Any, context: Any) -> Any:
            if request is MALFORMED:
                error = InvalidAsk("The message is not as asksight.v1 has it. Use its proto file.", field="")
                await context.abort(grpc.StatusCode[error.code], error.message)
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, read, handler.response_serializer)
