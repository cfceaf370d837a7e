"""The gRPC face of the assistant: messages in, messages or statuses out. Lives in the event loop.

Messages come and go as bytes: what is in them is looked at once the caller is known and let in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message

from asksight.v1 import vqa_pb2

from .assistant import Assistant
from .calls import Call, Desk
from .errors import AskError, InvalidAsk
from .status import trailing
from .wire import from_request, read, read_ask, to_batch_response, to_model_response

NAME = vqa_pb2.DESCRIPTOR.services_by_name["VqaService"].full_name
FOREVER_S = 10 * 365 * 86400.0  # a call without a deadline has centuries left, in some versions of grpcio

Context = Any  # grpc.aio.ServicerContext, whose types differ from version to version


class VqaService:
    """Answers calls of VqaService."""

    def __init__(self, assistant: Assistant, desk: Desk) -> None:
        self._assistant = assistant
        self._desk = desk

    async def ask(self, message: bytes, call: Call) -> vqa_pb2.AskResponse:
        """Answer one ask."""
        ask = read_ask(message, call.deadline_s)
        call.questions = [ask.question]
        return await self._assistant.ask(ask)

    async def ask_batch(self, message: bytes, call: Call) -> vqa_pb2.AskBatchResponse:
        """Answer many, each by itself."""
        asks = read(vqa_pb2.AskBatchRequest, message).asks
        most = self._assistant.limits.max_asks_per_batch
        if not 1 <= len(asks) <= most:
            raise InvalidAsk(
                f"The batch holds {len(asks)} asks; 1 to {most} are taken. Split it.", field="asks"
            )
        call.questions = [ask.question for ask in asks]
        results = await self._assistant.ask_each(from_request(ask, call.deadline_s) for ask in asks)
        return to_batch_response(results)

    async def get_model(self, message: bytes, call: Call) -> vqa_pb2.GetModelResponse:
        """Say what is served."""
        wanted = read(vqa_pb2.GetModelRequest, message).model
        return to_model_response(self._assistant.models[wanted].info())

    def handlers(self) -> grpc.GenericRpcHandler:
        """What a gRPC server is to be given."""
        methods = {"Ask": self.ask, "AskBatch": self.ask_batch, "GetModel": self.get_model}
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                name: grpc.unary_unary_rpc_method_handler(self._called(name, answer))
                for name, answer in methods.items()
            },
        )

    def _called(
        self, method: str, answer: Callable[[bytes, Call], Awaitable[Message]]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        """The handler of one method; every error leaves through here. gRPC cancels it at the call's deadline."""

        async def handler(message: bytes, context: Context) -> bytes:
            left_s = context.time_remaining()
            deadline_s = None if left_s is None or left_s > FOREVER_S else time.monotonic() + left_s
            call = self._desk.call(method, context.invocation_metadata() or (), context, deadline_s)
            context.set_trailing_metadata(call.trailing())
            try:
                with call:
                    return (await answer(message, call)).SerializeToString()
            except AskError as error:
                await _abort(context, error, call)

        return handler


async def _abort(context: Context, error: AskError, call: Call) -> NoReturn:
    await context.abort(grpc.StatusCode[error.code], error.message, (*call.trailing(), *trailing(error)))
    raise AssertionError("abort raises")
