"""An HTTP request → AskRequests: JSON in protobuf's own mapping, or a form with a file; bounded in bytes and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from asksight.v1 import vqa_pb2

from ..limits import Limits
from .arriving import Body
from .json_asks import WINDOW, batch_from_json, check_count, from_json
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

Read = TypeVar("Read")


class Aside(Protocol):
    """Runs what is to be read of so many bytes in a thread."""

    def __call__(self, read: Callable[[], Read], size_bytes: int) -> Awaitable[Read]: ...


@dataclass(frozen=True)
class Batch:
    """Asks, and the photo that all of them are about where it did not come in them."""

    asks: Sequence[vqa_pb2.AskRequest]
    photo: bytes | None = None


class InMemory(MultiPartParser):
    """Starlette's parser, which here keeps every photo in memory: they are nobody's business, so never on the disk."""

    spool_max_size = 2**31
    ended = False  # whether the form's closing boundary has come

    def on_end(self) -> None:
        """Note that the form is whole; the parser itself takes one that is cut short for a whole one."""
        self.ended = True


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
        from_form=partial(_ask_of, fields=fields),
        most_fields=len(fields),
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
        from_form=partial(_batch_of, most=most),
        most_fields=len(FORM_FIELDS) + most,
    )


async def _read(
    request: Request,
    limits: Limits,
    body: Body,
    aside: Aside,
    *,
    from_body: Callable[[bytes], Read],
    from_form: Callable[[FormData], Awaitable[Read]],
    most_fields: int,
) -> Read:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise refused(
            415, f"The body is encoded as {coding[:20]!a}; send it as it is, without Content-Encoding."
        )
    try:
        async with asyncio.timeout(limits.receive_within_s):
            if kind in JSON_TYPES or (kind.startswith("application/") and kind.endswith("+json")):
                whole = await _whole(request, body, _json_bytes(limits))
            elif kind == FORM_TYPE:
                return await _from_form(request, limits, body, from_form, most_fields)
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
    if len(whole) <= WINDOW:
        return from_body(whole)
    return await aside(partial(from_body, whole), len(whole))


def _check_charset(content_type: str) -> None:
    """Refuse Python's other codecs: some take time by the square of the text, some make text that is none."""
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise refused(415, f"The form's charset is {charset[:20]!a}; send it in UTF-8.")


async def _from_form(
    request: Request,
    limits: Limits,
    body: Body,
    read: Callable[[FormData], Awaitable[Read]],
    most_fields: int,
) -> Read:
    _check_charset(request.headers["content-type"])
    stream = _bounded(request, body, limits.max_message_bytes + SPARE_BYTES)
    parser = InMemory(request.headers, stream, max_files=1, max_fields=most_fields, max_part_size=SPARE_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise refused(400, f"The form cannot be read: {error.message}") from None
    except (KeyError, ValueError, LookupError):  # no boundary, or names in an unknown charset
        raise refused(400, "The form cannot be read: its Content-Type or a part's name is broken.") from None
    try:
        if not parser.ended:
            raise refused(400, "The form is cut short: its closing boundary is missing. Send the whole form.")
        return await read(form)
    finally:
        await form.close()


async def _ask_of(form: FormData, fields: Mapping[str, str]) -> vqa_pb2.AskRequest:
    return vqa_pb2.AskRequest(**await _given(form.multi_items(), fields))


async def _batch_of(form: FormData, most: int) -> Batch:
    """One ask for each question, and all else as in the form of one ask."""
    questions = [value for name, value in form.multi_items() if name == "question"]
    check_count(len(questions), most)
    given = await _given([one for one in form.multi_items() if one[0] != "question"], FORM_FIELDS)
    photo = given.pop("image_data", None)
    each: list[dict[str, Any]] = [{**given, "question": await _value("question", one)} for one in questions]
    return Batch([vqa_pb2.AskRequest(**one) for one in each], photo)


async def _given(items: Iterable[tuple[str, UploadFile | str]], fields: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in items:
        field = fields.get(name)
        if field is None:
            raise refused(400, f"There is no field {name[:40]!r}; known are: {', '.join(fields)}.")
        if field in given:
            raise refused(400, f"The field {name!r} is there twice; send it once.", field=field)
        if value == "" and field != "question":  # as a page's form sends what nobody filled in
            continue
        given[field] = await _value(field, value)
    if "image_data" in given and "image_id" in given:
        raise refused(400, "Both a photo and an image_id were given; send one of them.", field="image_id")
    return given


async def _value(field: str, value: UploadFile | str) -> bytes | str | int:
    if field == "image_data":
        if isinstance(value, str):
            raise refused(400, "The photo is text; send it as a file: curl -F image=@photo.jpg", field=field)
        return await value.read()
    if not isinstance(value, str):
        raise refused(400, f"The field {field!r} is a file; send it as text.", field=field)
    if field == "want_attention":
        if value not in ("true", "false"):
            raise refused(400, f"want_attention is {value[:20]!r}; it must be true or false.", field=field)
        return value == "true"
    if field != "top_k":
        return value
    if not (value.isascii() and value.isdigit() and int(value[:11]) <= MOST_TOP_K):
        raise refused(400, f"top_k is {value[:20]!r}; it must be a whole number, 0 for 5.", field="top_k")
    return int(value)


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
