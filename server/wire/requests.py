"""Requests, from their bytes to asks: counted before they are parsed, and without a copy of their photos."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from asksight.v1 import vqa_pb2

from ..asks import Ask
from ..errors import InvalidAsk
from .fields import BROKEN, fields, varint

PHOTO_COMES = 0x0A  # the first byte of a message that begins with field 1, image_data, of a stated length
BATCH_ASKS = 1  # the field's number
START = vqa_pb2.ConverseRequest.START_FIELD_NUMBER
SHORT_BYTES = 4096  # without the photo; longer ones are counted before they are parsed
MOST_FIELDS = 64  # an ask has nine; there is room for those of later versions

FOREVER_S = 10 * 365 * 86400.0  # a call without a deadline has centuries left, in some versions of grpcio

M = TypeVar("M", bound=Message)


def deadline_of(context: Any) -> float | None:
    """When a call's caller (grpc.aio.ServicerContext) waits no longer, by the monotonic clock; None: never."""
    left_s = context.time_remaining()
    return None if left_s is None else in_s(left_s)


def in_s(seconds: float) -> float | None:
    """The time so many seconds from now; None for what is as good as never."""
    return None if seconds > FOREVER_S else time.monotonic() + seconds


def read(kind: type[M], message: bytes) -> M:
    """Read a message. Raises InvalidAsk: what is no protobuf is the caller's fault, and is told so."""
    try:
        return kind.FromString(message)
    except DecodeError:
        raise InvalidAsk(BROKEN, field="") from None


def read_ask(message: bytes | memoryview, deadline_s: float | None, *, caller: str = "") -> Ask:
    """Read an AskRequest, whose photo is then a view of the message: no copy. Raises InvalidAsk.

    A photo that does not come first, where serializers put it, is left to protobuf, which copies it.
    """
    view = memoryview(message)
    start = end = 0
    if view and view[0] == PHOTO_COMES:
        size, start = varint(view, 1)
        end = start + size
        if end > len(view):
            raise InvalidAsk(BROKEN, field="")
    rest = view[end:]
    if len(rest) > SHORT_BYTES:
        for _ in fields(rest, MOST_FIELDS):
            pass
    request = read(vqa_pb2.AskRequest, bytes(rest))
    if end == 0 or request.WhichOneof("image") is not None:  # of several images the last one counts
        return from_request(request, deadline_s, caller=caller)
    return from_request(request, deadline_s, photo=view[start:end], caller=caller)


def read_batch(message: bytes, deadline_s: float | None, *, most: int, caller: str = "") -> list[Ask]:
    """Read an AskBatchRequest of 1 to `most` asks, each as `read_ask` does. Raises InvalidAsk."""
    asks: list[memoryview] = []
    for number, value in fields(memoryview(message), most + MOST_FIELDS):
        if number == BATCH_ASKS:
            asks.append(value)
            if len(asks) > most:
                break
    if not 1 <= len(asks) <= most:
        seen = f"more than {most}" if asks else "no"
        raise InvalidAsk(f"The batch holds {seen} asks; 1 to {most} are taken. Split it.", field="asks")
    return [read_ask(ask, deadline_s, caller=caller) for ask in asks]


def read_start(message: bytes, deadline_s: float | None, *, caller: str = "") -> Ask:
    """Read a conversation's first message, whose fields are those of an ask without its question. Raises InvalidAsk."""
    found = None
    for number, value in fields(memoryview(message), MOST_FIELDS):
        found = value if number == START else found
    if found is None:
        raise InvalidAsk("A conversation begins with its start, which brings the photo.", field="start")
    start = read_ask(found, deadline_s, caller=caller)
    if start.photo is None and start.image_id is None:
        raise InvalidAsk(
            "There is no photo; begin with one, or with the image_id of an earlier reply.",
            field="start.image_data",
        )
    return start


def read_question(message: bytes) -> vqa_pb2.ConversationQuestion:
    """Read a later message of a conversation. Raises InvalidAsk."""
    if len(message) > SHORT_BYTES:
        for _ in fields(memoryview(message), MOST_FIELDS):
            pass
    request = read(vqa_pb2.ConverseRequest, message)
    if request.WhichOneof("message") != "question":
        raise InvalidAsk("After its start a conversation has questions, and nothing else.", field="question")
    return request.question


def from_request(
    request: vqa_pb2.AskRequest,
    deadline_s: float | None,
    *,
    photo: memoryview | None = None,
    caller: str = "",
) -> Ask:
    """Take over a request; `photo` are its photo's bytes where they are not in it, `caller` is whose it is."""
    image = request.WhichOneof("image")
    return Ask(
        question=request.question,
        photo=request.image_data if image == "image_data" else photo,
        image_id=request.image_id if image == "image_id" else None,
        top_k=request.top_k,
        locale=request.locale,
        model=request.model,
        previous_question=request.previous_question,
        previous_answer=request.previous_answer,
        want_attention=request.want_attention,
        deadline_s=deadline_s,
        caller=caller,
    )
