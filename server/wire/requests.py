"""Requests, from their bytes to asks: counted before they are parsed, and without a copy of their photos.

All of it is done in the event loop, and so nothing large is parsed: whatever may be large is a photo, which is cut out.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from asksight.v1 import vqa_pb2

from ..asks import Ask
from ..errors import InvalidAsk
from .fields import BROKEN, fields, varint

PHOTO_COMES = 0x0A  # the first byte of a message that begins with field 1, image_data, of a stated length
BATCH_ASKS = IMAGE_DATA = 1  # the fields' numbers
IMAGE_ID = 2
START = vqa_pb2.ConverseRequest.START_FIELD_NUMBER
QUESTION = vqa_pb2.ConverseRequest.QUESTION_FIELD_NUMBER
QUESTION_ID = vqa_pb2.ConversationQuestion.ID_FIELD_NUMBER
SHORT_BYTES = 4096  # without the photo that comes first; of longer ones the fields are looked at before
MOST_BYTES = 16 * 1024  # of a message beside its photo: four times the longest question; batches have 256
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
    """Read a message without photos. Raises InvalidAsk: what is no protobuf is the caller's fault, and is told so."""
    _check_size(len(message))
    try:
        return kind.FromString(message)
    except DecodeError:
        raise InvalidAsk(BROKEN, field="") from None


def read_ask(message: bytes | memoryview, deadline_s: float | None, *, caller: str = "") -> Ask:
    """Read an AskRequest, whose photo is then a view of the message: no copy. Raises InvalidAsk."""
    view = memoryview(message)
    photo, rest = _cut_first(view)
    if len(rest) > SHORT_BYTES:
        photo, rest = _cut(view)
    request = read(vqa_pb2.AskRequest, bytes(rest))
    if request.WhichOneof("image") is not None:  # of several images the last one counts
        photo = None
    return from_request(request, deadline_s, photo=photo, caller=caller)


def _cut_first(message: memoryview) -> tuple[memoryview | None, memoryview]:
    """The photo where it comes first, as serializers put it, and what follows."""
    if not message or message[0] != PHOTO_COMES:
        return None, message
    size, start = varint(message, 1)
    if start + size > len(message):
        raise InvalidAsk(BROKEN, field="")
    return message[start : start + size], message[start + size :]


def _cut(message: memoryview) -> tuple[memoryview | None, memoryview]:
    """The photo wherever it lies, unless another image follows, and all but photos and what they have replaced."""
    photo: memoryview | None = None
    kept: list[tuple[int, memoryview]] = []
    for number, value, whole in fields(message, MOST_FIELDS):
        if number == IMAGE_DATA and value is not None:
            photo, kept = value, [one for one in kept if one[0] != IMAGE_ID]
        else:
            kept.append((number, whole))
            if number == IMAGE_ID and value is not None:
                photo = None
    _check_size(sum(len(whole) for _, whole in kept))
    return photo, memoryview(b"".join(whole for _, whole in kept))


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        said = f"The message has {size} bytes beside photos; at most {MOST_BYTES} are taken. Shorten it."
        raise InvalidAsk(said, field="")


def read_batch(message: bytes, deadline_s: float | None, *, most: int, caller: str = "") -> list[Ask]:
    """Read an AskBatchRequest of 1 to `most` asks, each as `read_ask` does. Raises InvalidAsk."""
    asks: list[memoryview] = []
    for number, value, _ in fields(memoryview(message), most + MOST_FIELDS):
        if number == BATCH_ASKS and value is not None:
            asks.append(value)
            if len(asks) > most:
                break
    if not asks:
        raise InvalidAsk(f"The batch holds no asks; send 1 to {most}.", field="asks")
    if len(asks) > most:
        raise InvalidAsk(f"The batch holds more than {most} asks, which is the most. Split it.", field="asks")
    return [read_ask(ask, deadline_s, caller=caller) for ask in asks]


def read_start(message: bytes, deadline_s: float | None, *, caller: str = "") -> Ask:
    """Read a conversation's first message, whose fields are those of an ask without its question. Raises InvalidAsk."""
    found = None
    for number, value, _ in fields(memoryview(message), MOST_FIELDS):
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


def read_question(message: bytes) -> tuple[vqa_pb2.ConversationQuestion, InvalidAsk | None]:
    """Read a later message of a conversation: its question, or its number alone and why the rest is not read.

    Raises InvalidAsk for what is no question.
    """
    try:
        _check_size(len(message))
    except InvalidAsk as error:
        number = _question_number(memoryview(message))
        if number is None:
            raise
        return vqa_pb2.ConversationQuestion(id=number), InvalidAsk(error.message, field="question")
    request = read(vqa_pb2.ConverseRequest, message)
    if request.WhichOneof("message") != "question":
        raise InvalidAsk("After its start a conversation has questions, and nothing else.", field="question")
    return request.question, None


def _question_number(message: memoryview) -> int | None:
    """The number that a question bears, without reading it; None where the message is no question."""
    number = None
    try:
        for field, value, _ in fields(message, MOST_FIELDS):
            if field == QUESTION and value is not None:
                number = 0  # as one without a number has it
                for inner, inner_value, whole in fields(value, MOST_FIELDS):
                    if inner == QUESTION_ID and inner_value is None:
                        number = varint(whole, 1)[0] % 2**64
    except InvalidAsk:
        return None
    return number


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
