"""An HTTP request → AskRequests: JSON in protobuf's own mapping, or a form with a file; bounded in bytes and time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request

from asksight.v1 import vqa_pb2

from ..errors import InvalidAsk
from ..limits import Limits
from .arriving import Body
from .forms import MOST_PARTS, Part, boundary_of, parts
from .json_asks import batch_from_json, from_json
from .photo_texts import WINDOW, photo_of_text, written_out
from .problems import Problem, refused

JSON_TYPES = ("application/json", "text/json")
FORM_TYPE = "multipart/form-data"
SPARE_BYTES = 64 * 1024  # for what stands around the photo

# The names of a form's fields, and of the request's; "ques" is what the tutorial that this began with called it.
FORM_FIELDS = {"image": "image_data", "image_id": "image_id", "question": "question"}
FORM_FIELDS |= {
    name: name
    for name in ("top_k", "model", "locale", "previous_question", "previous_answer", "want_attention")
}
PREDICT_FIELDS = FORM_FIELDS | {"ques": "question"}
MOST_TOP_K = 2**32 - 1
CHARSET_FIELD = "_charset_"  # which HTML's forms may have (RFC 7578, 4.6); ours are UTF-8
WHOLE_TEXTS = {"question", "previous_question", "previous_answer"}  # whose ends are of the caller's text

Read = TypeVar("Read")


class Aside(Protocol):
    """Runs what is to be read of so many bytes in a thread."""

    def __call__(self, read: Callable[[], Read], size_bytes: int) -> Awaitable[Read]: ...


@dataclass(frozen=True)
class Batch:
    """Asks, or why one is none, and the photo that all of them are about where it did not come in them."""

    asks: Sequence[vqa_pb2.AskRequest | InvalidAsk]
    photo: bytes | None = None


async def read_ask(
    request: Request, limits: Limits, body: Body, aside: Aside, fields: Mapping[str, str] = FORM_FIELDS
) -> vqa_pb2.AskRequest:
    """Read an ask, whatever form it has; `body` counts its bytes. Raises Problem and AskError."""
    others = {name: field for name, field in fields.items() if name not in FORM_FIELDS}
    return await _read(
        request,
        limits,
        body,
        aside,
        from_body=partial(from_json, fields=others),
        from_form=partial(_ask_of, aside=aside, fields=fields),
    )


async def read_batch(request: Request, limits: Limits, body: Body, aside: Aside) -> Batch:
    """Read many asks: JSON with all of them, or a form with one photo and many questions. Raises as `read_ask` does."""
    most = limits.max_asks_per_batch
    return await _read(
        request,
        limits,
        body,
        aside,
        from_body=lambda whole: Batch(batch_from_json(whole, most)),
        from_form=partial(_batch_of, aside=aside, most=most),
        most_parts=MOST_PARTS + most,
    )


async def _read(
    request: Request,
    limits: Limits,
    body: Body,
    aside: Aside,
    *,
    from_body: Callable[[bytes], Read],
    from_form: Callable[[Iterable[Part]], Awaitable[Read]],
    most_parts: int = MOST_PARTS,
) -> Read:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise refused(
            415, f"The body is encoded as {coding[:20]!a}; send it as it is, without Content-Encoding."
        )
    boundary = b""
    try:
        async with body.whole_within(limits.receive_within_s):
            if kind in JSON_TYPES or (kind.startswith("application/") and kind.endswith("+json")):
                whole = await _whole(request, body, _json_bytes(limits))
            elif kind == FORM_TYPE:
                boundary = boundary_of(request.headers["content-type"])
                whole = await _whole(request, body, limits.max_message_bytes + SPARE_BYTES)
            else:
                raise refused(
                    415,
                    f"The request is {kind[:60] or 'of no stated type'}; "
                    "send multipart/form-data or application/json.",
                )
    except TimeoutError:
        raise refused(
            408,
            f"The request did not arrive within {limits.receive_within_s:g} seconds. "
            "Send a smaller photo, or over a better line.",
        ) from None
    except ClientDisconnect:
        raise Problem(499, "CANCELLED", "The caller went away before the request had arrived.") from None
    if kind == FORM_TYPE:
        return await from_form(parts(whole, boundary, most_parts))
    if len(whole) <= WINDOW:
        return from_body(whole)
    return await aside(partial(from_body, whole), len(whole))


async def _ask_of(form: Iterable[Part], aside: Aside, fields: Mapping[str, str]) -> vqa_pb2.AskRequest:
    given = _given(form, fields)
    given.update(await _photo_of(given, aside))
    return vqa_pb2.AskRequest(**given)


async def _batch_of(form: Iterable[Part], aside: Aside, most: int) -> Batch:
    """One ask for each question, and all else as in the form of one ask."""
    questions: list[Part] = []
    others: list[Part] = []
    for part in form:
        (questions if part.name == "question" else others).append(part)
        if len(questions) > most:
            raise refused(400, f"The form has more than {most} questions; split it.", field="question")
    if not questions:
        raise refused(
            400, f"The form has no field 'question'; send 1 to {most}, one for each ask.", field="question"
        )
    given = _given(others, FORM_FIELDS)
    photo = (await _photo_of(given, aside)).get("image_data")
    given.pop("image_data", None)
    each: list[dict[str, Any]] = [{**given, "question": _value("question", one)} for one in questions]
    return Batch([vqa_pb2.AskRequest(**one) for one in each], photo)


async def _photo_of(given: Mapping[str, Any], aside: Aside) -> dict[str, bytes]:
    """The photo that a form gives, if any; one that was written as text is decoded in a thread. Raises Problem."""
    if "image_data" not in given:
        return {}
    photo: bytes = given["image_data"]
    if written_out(photo):
        photo = await aside(partial(photo_of_text, "image", photo), len(photo))
    return {"image_data": photo}


def _given(form: Iterable[Part], fields: Mapping[str, str]) -> dict[str, Any]:
    """The request's fields that a form gives. Raises Problem."""
    given: dict[str, Any] = {}
    for part in form:
        field = fields.get(part.name)
        if part.name == CHARSET_FIELD:
            continue
        if field is None:
            raise refused(400, f"There is no field {part.name[:40]!r}; known are: {', '.join(fields)}.")
        if field in given:
            raise refused(400, f"The field {part.name!r} is there twice; send it once.", field=field)
        if not part.data and not part.file_name and field != "question":
            continue  # as a page's form sends what nobody filled in
        given[field] = _value(field, part)
    if "image_data" in given and "image_id" in given:
        raise refused(400, "Both a photo and an image_id were given; send one of them.", field="image_id")
    return given


def _value(field: str, part: Part) -> bytes | str | int:
    if field == "image_data":
        if (
            part.file_name is None and part.data.isascii() and not written_out(part.data)
        ):  # most often its path
            raise refused(400, "The photo is text; send it as a file: curl -F image=@photo.jpg", field=field)
        return part.data
    text = part.text(field, SPARE_BYTES)
    if field in WHOLE_TEXTS:
        return text
    text = text.strip()  # of a file that ends with an empty line
    if field == "want_attention":
        if text not in ("true", "false"):
            raise refused(400, f"want_attention is {text[:20]!r}; it must be true or false.", field=field)
        return text == "true"
    if field != "top_k":
        return text
    if not (text.isascii() and text.isdigit() and int(text[:11]) <= MOST_TOP_K):
        raise refused(400, f"top_k is {text[:20]!r}; it must be a whole number, 0 for 5.", field="top_k")
    return int(text)


async def _whole(request: Request, body: Body, most_bytes: int) -> bytes:
    return b"".join([chunk async for chunk in _bounded(request, body, most_bytes)])


async def _bounded(request: Request, body: Body, most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes, refused as soon as it is known to be too long."""
    stated = request.headers.get("content-length", "")
    arrived = int(stated) if stated.isdigit() else 0
    if arrived > most_bytes:
        raise _too_large(arrived, most_bytes)
    arrived = 0
    async for chunk in request.stream():
        arrived += len(chunk)
        if arrived > most_bytes:
            raise _too_large(arrived, most_bytes)
        body.came(len(chunk))
        yield chunk


def _json_bytes(limits: Limits) -> int:
    return limits.max_message_bytes * 4 // 3 + SPARE_BYTES  # base64


def _too_large(seen: int, most: int) -> Problem:
    return refused(
        413,
        f"The request has {seen} bytes or more; at most {most} are taken. Resize the photo.",
        field="image_data",
    )
