"""Between the wire's messages and the assistant; the in-process client and HTTP go through here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from asksight.v1 import vqa_pb2

from .asks import Ask, ModelInfo
from .errors import AskError, InvalidAsk
from .status import to_item

M = TypeVar("M", bound=Message)

PHOTO_COMES = 0x0A  # the first byte of a message that begins with field 1, image_data, of a stated length


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
        raise InvalidAsk(
            "The message is not as asksight.v1 has it. Use its proto file.", field=""
        ) from None


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


def to_batch_response(results: Sequence[vqa_pb2.AskResponse | AskError]) -> vqa_pb2.AskBatchResponse:
    """Write the results of a batch, row by row."""
    return vqa_pb2.AskBatchResponse(
        results=[
            vqa_pb2.AskResult(error=to_item(one))
            if isinstance(one, AskError)
            else vqa_pb2.AskResult(response=one)
            for one in results
        ]
    )


def to_model_response(model: ModelInfo) -> vqa_pb2.GetModelResponse:
    """Write what is being served."""
    limits = model.limits
    return vqa_pb2.GetModelResponse(
        name=model.name,
        version=model.version,
        architecture=model.architecture,
        answers=model.answers,
        limits=vqa_pb2.Limits(
            max_message_bytes=limits.max_message_bytes,
            max_asks_per_batch=limits.max_asks_per_batch,
            max_question_chars=limits.max_question_chars,
            max_question_tokens=model.max_question_tokens,
            min_photo_side_px=limits.min_photo_side_px,
            max_photo_side_px=limits.max_photo_side_px,
            max_photo_pixels=limits.max_photo_pixels,
        ),
        engine=model.engine,
        precision=model.precision,
        engine_notes=[f"{one.stage}: {one.text}" for one in model.fallbacks],
    )
