"""An HTTP request → an AskRequest: JSON in protobuf's own mapping, or a form with a file; bounded in bytes and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from google.protobuf import json_format
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from asksight.v1 import vqa_pb2

from ..limits import Limits
from ..printable import printable
from .arriving import Body
from .problems import Problem, refused

JSON_TYPES = ("application/json", "text/json")
FORM_TYPE = "multipart/form-data"
MOST_MARKS = (
    4096  # brackets and commas of a JSON body, its question's too; an ask has eight fields and no lists
)
MOST_DIGITS = 32  # of a number; an ask's are of 32 bits
MOST_CHARS = (
    64 * 1024
)  # of every value but the photo, as of a form's; protobuf looks at each character in Python
MARKS = (b"{", b"[", b",")
WINDOW = 64 * 1024
SPARE_BYTES = 64 * 1024  # for what stands around the photo

# The names of a form's fields, and of the request's; "ques" is what the tutorial that this began with called it.
FORM_FIELDS = {"image": "image_data", "image_id": "image_id", "question": "question"}
FORM_FIELDS |= {name: name for name in ("top_k", "model", "locale", "previous_question", "previous_answer")}
PREDICT_FIELDS = FORM_FIELDS | {"ques": "question"}
MOST_TOP_K = 2**32 - 1
PHOTO_NAMES = ("imageData", "image_data")  # in JSON
LONGEST_HEAD = 128  # of a data URL


class InMemory(MultiPartParser):
    """Starlette's parser, which here keeps every photo in memory: they are nobody's business, so never on the disk."""

    spool_max_size = 2**31
    ended = False  # whether the form's closing boundary has come

    def on_end(self) -> None:
        """Note that the form is whole; the parser itself takes one that is cut short for a whole one."""
        self.ended = True


async def read_ask(
    request: Request, limits: Limits, body: Body, fields: Mapping[str, str] = FORM_FIELDS
) -> vqa_pb2.AskRequest:
    """Read an ask, whatever form it has; `body` counts its bytes. Raises Problem and Overloaded."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise refused(
            415, f"The body is encoded as {coding[:20]!a}; send it as it is, without Content-Encoding."
        )
    try:
        async with asyncio.timeout(limits.receive_within_s):
            if kind in JSON_TYPES or (kind.startswith("application/") and kind.endswith("+json")):
                return from_json(await _whole(request, body, _json_bytes(limits)), fields)
            if kind == FORM_TYPE:
                return await _from_form(request, limits, body, fields)
    except TimeoutError:
        raise refused(
            408,
            f"The request did not arrive within {limits.receive_within_s:g} seconds. "
            "Send a smaller photo, or over a better line.",
        ) from None
    except ClientDisconnect:
        raise Problem(499, "CANCELLED", "The caller went away before the request had arrived.") from None
    raise refused(
        415,
        f"The request is {kind[:60] or 'of no stated type'}; send multipart/form-data or application/json.",
    )


def from_json(body: bytes, fields: Mapping[str, str] = FORM_FIELDS) -> vqa_pb2.AskRequest:
    """Read protobuf's JSON mapping of AskRequest, with a form's other names too. Raises Problem."""
    if _too_many_marks(body):  # a tree of them would take fifty times the bytes
        raise refused(
            400,
            f"The JSON has more than {MOST_MARKS} brackets and commas; send one object, as in /openapi.json.",
        )
    try:
        tree = json.loads(body, parse_constant=_no_constant, parse_int=_whole_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise refused(400, "The body is not JSON. Send one object, as in /openapi.json.") from None
    if not isinstance(tree, dict):
        raise refused(400, f"The body is a JSON {type(tree).__name__}; send one object, as in /openapi.json.")
    for name in fields.keys() - FORM_FIELDS.keys() & tree.keys():
        if fields[name] in tree:
            raise refused(
                400, f"Both {name!r} and {fields[name]!r} were given; send one of them.", field=fields[name]
            )
        tree[fields[name]] = tree.pop(name)
    for name, value in tree.items():
        _check_value(name, value)
    tree = {
        name: value for name, value in tree.items() if value != "" or name in PHOTO_NAMES
    }  # none is given
    for name in tree.keys() & set(PHOTO_NAMES):
        tree[name] = _base64_of(tree[name])
    try:
        return json_format.ParseDict(tree, vqa_pb2.AskRequest())
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        said = printable(str(error)[:200])
        raise refused(400, f"The JSON is not an AskRequest: {said} See /openapi.json.") from None


def _check_value(name: str, value: object) -> None:
    """Refuse what no field holds, before protobuf tells of it in a sentence that is as long."""
    if len(name) > MOST_CHARS or not name.isascii():  # protobuf fails on half a surrogate pair
        raise refused(400, f"There is no field {name[:40]!r}. See /openapi.json.")
    if isinstance(value, dict | list):
        raise refused(
            400,
            f"The field {name[:40]!r} is a JSON {type(value).__name__}; send one value. See /openapi.json.",
        )
    if isinstance(value, str) and len(value) > MOST_CHARS and name not in PHOTO_NAMES:
        raise refused(
            400,
            f"The field {name[:40]!r} has {len(value)} characters; at most {MOST_CHARS} are taken. Shorten it.",
        )


def _base64_of(photo: object) -> object:
    """What a browser's FileReader and canvas put before base64 is left out: data:image/jpeg;base64, (RFC 2397)."""
    if not (isinstance(photo, str) and photo[:5].lower() == "data:"):
        return photo
    head, comma, data = photo[:LONGEST_HEAD].partition(",")
    return data + photo[LONGEST_HEAD:] if comma and head.lower().endswith(";base64") else photo


def _check_charset(content_type: str) -> None:
    """Refuse Python's other codecs: some take time by the square of the text, some make text that is none."""
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise refused(415, f"The form's charset is {charset[:20]!a}; send it in UTF-8.")


async def _from_form(
    request: Request, limits: Limits, body: Body, fields: Mapping[str, str]
) -> vqa_pb2.AskRequest:
    _check_charset(request.headers["content-type"])
    stream = _bounded(request, body, limits.max_message_bytes + SPARE_BYTES)
    parser = InMemory(request.headers, stream, max_files=1, max_fields=len(fields), max_part_size=SPARE_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise refused(400, f"The form cannot be read: {error.message}") from None
    except (KeyError, ValueError, LookupError):  # no boundary, or names in an unknown charset
        raise refused(400, "The form cannot be read: its Content-Type or a part's name is broken.") from None
    try:
        if not parser.ended:
            raise refused(400, "The form is cut short: its closing boundary is missing. Send the whole form.")
        return await _ask_of(form, fields)
    finally:
        await form.close()


async def _ask_of(form: FormData, fields: Mapping[str, str]) -> vqa_pb2.AskRequest:
    given: dict[str, Any] = {}
    for name, value in form.multi_items():
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
    return vqa_pb2.AskRequest(**given)


async def _value(field: str, value: UploadFile | str) -> bytes | str | int:
    if field == "image_data":
        if isinstance(value, str):
            raise refused(400, "The photo is text; send it as a file: curl -F image=@photo.jpg", field=field)
        return await value.read()
    if not isinstance(value, str):
        raise refused(400, f"The field {field!r} is a file; send it as text.", field=field)
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


def _too_many_marks(body: bytes) -> bool:
    """A window at a time, so that a bomb is known by its beginning."""
    marks = 0
    for start in range(0, len(body), WINDOW):
        marks += sum(body.count(mark, start, start + WINDOW) for mark in MARKS)
        if marks > MOST_MARKS:
            return True
    return False


def _whole_number(digits: str) -> int:
    return int(_short(digits))


def _number(digits: str) -> float:
    return float(_short(digits))


def _short(digits: str) -> str:
    if len(digits) > MOST_DIGITS:
        raise ValueError("The number has too many digits")
    return digits


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
