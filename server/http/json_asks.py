"""The JSON of an ask, or of a batch → AskRequests; a large one is read a piece at a time, in a decoder's thread.

json and binascii hold Python's lock while they read: 20 MiB in one go would stop the event loop for a tenth of a
second, whichever thread reads. So photos are cut out first, and decoded by themselves, a window at a time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from google.protobuf import json_format

from asksight.v1 import vqa_pb2

from ..errors import InvalidAsk
from ..printable import printable
from .photo_texts import photo_of_text
from .problems import Problem, refused

MOST_MARKS = 4096  # brackets and commas between strings; an ask has nine fields and no lists
MOST_QUOTES = 4 * MOST_MARKS  # beyond which there are more strings than marks between them
MOST_DIGITS = 32  # of a number; an ask's are of 32 bits
MOST_CHARS = 64 * 1024  # of every value but the photo, as of a form's; protobuf looks at each one in Python
MOST_BYTES = 8 * MOST_CHARS  # of all but photos, where each character may take six
MOST_BACKSLASHES = 2048  # in a row, that are looked at; a question has no more
SPELLED_TWICE = [
    (field.name, field.json_name)
    for field in vqa_pb2.AskRequest.DESCRIPTOR.fields
    if field.name != field.json_name
]
NAMES = {field.json_name: field.name for field in vqa_pb2.AskRequest.DESCRIPTOR.fields}
FIELDS = NAMES | {name: name for name in NAMES.values()}  # both spellings, and the request's own
TEXTS = {
    name
    for field in vqa_pb2.AskRequest.DESCRIPTOR.fields
    for name in (field.name, field.json_name)
    if field.type in (field.TYPE_STRING, field.TYPE_BYTES)
}
JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
MARKS = (b"{", b"[", b",")
STRING = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL
)  # also one that does not end: no way back, no time
CUT = "(a long string was here: {})"  # stands in the JSON for what was cut out, with its number
PHOTO_NAMES = ("imageData", "image_data")
PHOTO_KEYS = tuple(f'"{name}'.encode() for name in PHOTO_NAMES)
SHORT_PHOTO = 1024  # bytes of base64 that may stay where they are
LONGEST_NAME = 64  # of a photo's, with white space around its colon


def from_json(body: bytes, fields: Mapping[str, str]) -> vqa_pb2.AskRequest:
    """Read protobuf's JSON mapping of AskRequest; `fields` are other names of some. Raises Problem."""
    tree, long = _tree(body)
    return _ask(tree, long, fields)


def batch_from_json(body: bytes, most: int) -> list[vqa_pb2.AskRequest | InvalidAsk]:
    """Read that of AskBatchRequest, of 1 to `most` asks; one with a value that is none fails alone.

    Raises Problem, which names the ask at fault, where it is no AskRequest.
    """
    tree, long = _tree(body)
    asks = tree.get("asks")
    if set(tree) != {"asks"} or not isinstance(asks, list):
        raise refused(400, 'Send {"asks": [...]}, and nothing beside it. See /openapi.json.', field="asks")
    _check_count(len(asks), most)
    read: list[vqa_pb2.AskRequest | InvalidAsk] = []
    for row, one in enumerate(asks):
        try:
            if not isinstance(one, dict):
                raise refused(400, f"It is a JSON {_type_of(one)}; send an object.")
            read.append(_ask(one, long, {}))
        except Problem as problem:
            if not problem.at_fault:
                detail = f"asks[{row}]: {problem.detail}"
                raise replace(problem, detail=detail, at_fault=f"asks[{row}]") from None
            read.append(InvalidAsk(problem.detail, field=problem.at_fault))
    return read


def _check_count(count: int, most: int) -> None:
    """Raise Problem where a batch does not hold 1 to `most` asks."""
    if not count:
        raise refused(400, f"The batch holds no asks; send 1 to {most}.", field="asks")
    if count > most:
        raise refused(400, f"The batch holds {count} asks; at most {most} are taken. Split it.", field="asks")


def _tree(body: bytes) -> tuple[dict[str, object], dict[str, bytes]]:
    """The JSON's object, without its long strings, and these by what stands in their places. Raises Problem."""
    rest, long = _cut(body)
    if len(rest) > MOST_BYTES:
        raise refused(
            413,
            f"Beside photos the JSON has {len(rest)} bytes; at most {MOST_BYTES} are taken. Shorten it.",
        )
    # A tree of them would take fifty times the bytes. Texts, which have commas too, are left out where it matters.
    if _marks(rest) > MOST_MARKS and _marks(STRING.sub(b"", rest)) > MOST_MARKS:
        raise _too_many_marks()
    try:
        tree = json.loads(
            rest,
            parse_constant=_no_constant,
            parse_int=_whole_number,
            parse_float=_number,
            object_pairs_hook=_once_each,
        )
    except UnicodeDecodeError:
        raise refused(400, "The body is not JSON in UTF-8. Send it in UTF-8.") from None
    except json.JSONDecodeError as error:
        said = "it is empty" if not rest.strip() else error.msg
        raise refused(400, f"The body is not JSON: {said}. Send one object, as in /openapi.json.") from None
    except (ValueError, RecursionError):
        raise refused(400, "The body is not JSON. Send one object, as in /openapi.json.") from None
    if not isinstance(tree, dict):
        raise refused(400, f"The body is a JSON {_type_of(tree)}; send one object, as in /openapi.json.")
    return tree, long


def _ask(tree: dict[str, object], long: Mapping[str, bytes], fields: Mapping[str, str]) -> vqa_pb2.AskRequest:
    for name in fields.keys() & tree.keys():
        if fields[name] in tree:
            raise refused(
                400, f"Both {name!r} and {fields[name]!r} were given; send one of them.", field=fields[name]
            )
        tree[fields[name]] = tree.pop(name)
    for one, other in SPELLED_TWICE:
        if tree.get(one) is not None and tree.get(other) is not None:
            raise refused(400, f"Both {one!r} and {other!r} were given; send one of them.", field=one)
    photo = b""
    for name, value in tree.items():
        _check_value(name, value, long)
        if name in PHOTO_NAMES and isinstance(value, str):
            data = long.get(value) or value.encode("utf-8", "surrogatepass")
            photo = photo_of_text(name, data, escaped=value in long)
            tree[name] = ""  # protobuf sees that there is one
    tree = {
        name: value for name, value in tree.items() if value != "" or name in PHOTO_NAMES
    }  # none is given
    try:
        asked = json_format.ParseDict(tree, vqa_pb2.AskRequest())
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        said = printable(str(error)[:200])
        raise refused(400, f"The JSON is not an AskRequest: {said} See /openapi.json.") from None
    if photo:
        asked.image_data = photo
    return asked


def _cut(body: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The body with CUT in the place of each long string, and these, as they were written."""
    kept: list[bytes] = []
    long: dict[str, bytes] = {}
    at = kept_to = 0
    for _ in range(MOST_QUOTES):
        start = body.find(b'"', at) + 1
        end = _end(body, start) if start else -1
        if end < 0:
            return b"".join([*kept, body[kept_to:]]) if kept else body, long
        if end - start > MOST_CHARS or (end - start > SHORT_PHOTO and _is_photo(body, start)):
            mark = CUT.format(len(long))
            long[mark] = body[start:end]
            kept += body[kept_to:start], mark.encode()
            kept_to = end
        at = end + 1
    raise _too_many_marks()


def _is_photo(body: bytes, start: int) -> bool:
    """Whether the string that begins there is a photo's, by the name before it."""
    return body[max(0, start - LONGEST_NAME) : start].rstrip(b' \t\r\n":').endswith(PHOTO_KEYS)


def _end(body: bytes, start: int) -> int:
    """Where a string ends that begins there, or −1."""
    at = start
    for _ in range(MOST_QUOTES):
        at = body.find(b'"', at)
        before = body[max(start, at - MOST_BACKSLASHES) : at]
        if at < 0 or (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            return at
        at += 1
    raise _too_many_marks()


def _check_value(name: str, value: object, long: Mapping[str, bytes]) -> None:
    """Refuse what no field holds, before protobuf tells of it in a sentence that is as long."""
    if name in long or not name.isascii():  # protobuf fails on half a surrogate pair
        raise refused(400, f"There is no field {name[:40]!r}. See /openapi.json.")
    if name not in FIELDS:
        known = ", ".join(NAMES)
        raise refused(
            400, f"The JSON is not an AskRequest: it has a field {name[:40]!r}; known are: {known}."
        )
    if isinstance(value, dict | list):
        raise refused(
            400,
            f"The field {name[:40]!r} is a JSON {_type_of(value)}; send one value. See /openapi.json.",
        )
    if name in TEXTS and not isinstance(value, str | None):
        raise refused(
            400, f"The JSON is not an AskRequest: its field {name!r} is a {_type_of(value)}; send a string."
        )
    if not isinstance(value, str) or name in PHOTO_NAMES:
        return
    chars = len(long.get(value) or value)
    if chars > MOST_CHARS:
        raise refused(
            400,
            f"The field {name[:40]!r} has {chars} characters; at most {MOST_CHARS} are taken. Shorten it.",
            field=FIELDS[name],
        )


def _type_of(value: object) -> str:
    """As JSON calls it."""
    return JSON_TYPES.get(type(value), "number")


def _marks(body: bytes) -> int:
    return sum(map(body.count, MARKS))


def _too_many_marks() -> Problem:
    return refused(
        400, f"The JSON has more than {MOST_MARKS} brackets and commas; send one object, as in /openapi.json."
    )


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object, as json makes it, of which no name comes twice: json itself takes the last one."""
    tree = dict(pairs)
    if len(tree) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = next(name for name, count in names.items() if count > 1)
        raise refused(400, f"The field {twice[:40]!r} is there twice; send it once.")
    return tree


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
