"""The gRPC face of the assistant: messages in, messages or statuses out. Lives in the event loop.

Messages come and go as bytes: what is in them is looked at once the caller is known and let in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from asksight.v1 import vqa_pb2

from ..access.calls import Call, Desk
from ..asks import Ask
from ..core.assistant import Assistant
from ..errors import AskError, InvalidAsk
from .responses import to_batch_response, to_model_response
from .status import trailing

NAME = vqa_pb2.DESCRIPTOR.services_by_name["VqaService"].full_name
FOREVER_S = 10 * 365 * 86400.0  # a call without a deadline has centuries left, in some versions of grpcio

PHOTO_COMES = 0x0A  # the first byte of a message that begins with field 1, image_data, of a stated length

M = TypeVar("M", bound=Message)
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


def read_ask(message: bytes, deadline_s: float | None) -> Ask:
    """Read an AskRequest, whose photo is then a view of the message: no copy. Raises InvalidAsk.

    A photo that does not come first, where serializers put it, is left to protobuf, which copies it.
    """
    start, end = _leading_photo(message)
    request = read(vqa_pb2.AskRequest, message[end:])
    if end == 0 or request.WhichOneof("image") is not None:  # of several images the last one counts
        return from_request(request, deadline_s)
    return from_request(request, deadline_s, photo=memoryview(message)[start:end])


def read(kind: type[M], message: bytes) -> M:
    """Read a message. Raises InvalidAsk: what is no protobuf is the caller's fault, and is told so."""
    try:
        return kind.FromString(message)
    except DecodeError:
        raise InvalidAsk("The message is not as asksight.v1 has it. Use its proto file.", field="") from None


def _leading_photo(message: bytes) -> tuple[int, int]:
    """Where the photo lies that a message begins with; (0, 0) where it begins otherwise."""
    if not message or message[0] != PHOTO_COMES:
        return 0, 0
    size = shift = 0
    for at in range(1, min(len(message), 11)):  # a varint: seven bits a byte, the lowest first
        size |= (message[at] & 0x7F) << shift
        shift += 7
        if message[at] < 0x80:
            start, end = at + 1, at + 1 + size
            return (start, end) if end <= len(message) else (0, 0)
    return 0, 0


def from_request(
    request: vqa_pb2.AskRequest, deadline_s: float | None, *, photo: memoryview | None = None
) -> Ask:
    """Take over a request; `photo` are its photo's bytes where they are not in it."""
    image = request.WhichOneof("image")
    return Ask(
        question=request.question,
        photo=request.image_data if image == "image_data" else photo,
        image_id=request.image_id if image == "image_id" else None,
        top_k=request.top_k,
        locale=request.locale,
        model=request.model,
        deadline_s=deadline_s,
    )
