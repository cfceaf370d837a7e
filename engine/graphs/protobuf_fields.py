"""The protobuf wire format of an ONNX file, walked field by field: what is not looked into is stepped over."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SIZE_BY_WIRE_TYPE = {1: 8, 5: 4}
VARINT, BYTES = 0, 2


class DamagedGraphError(ValueError):
    """The file is not an ONNX model; the message says what is wrong with it."""


class Field(NamedTuple):
    """One field of a message."""

    number: int
    value: int | memoryview
    start: int  # of its tag, in the message
    at: int  # of its value
    end: int


def mapped(path: Path) -> memoryview:
    """A file's bytes, read as they are looked at. Raises DamagedGraphError where it is empty, and OSError."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise DamagedGraphError("an empty file")
        # Never closed by hand: slices of it live as long as an error's traceback does.
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message; numbers of fixed size are left out.

    Raises DamagedGraphError, and IndexError where the message ends inside a number.
    """
    at, end = 0, len(message)
    while at < end:
        start = at
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value_at = at
            value, at = _varint(message, at)
            yield Field(number, value, start, value_at, at)
        elif wire_type == BYTES:
            size, at = _varint(message, at)
            if size > end - at:
                raise DamagedGraphError("an ONNX model that is cut short")
            yield Field(number, message[at : at + size], start, at, at + size)
            at += size
        elif wire_type in SIZE_BY_WIRE_TYPE:
            at += SIZE_BY_WIRE_TYPE[wire_type]
        else:
            raise DamagedGraphError("a file that is not an ONNX model")


def varint(number: int) -> bytes:
    """A number as the wire format writes it."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def message(number: int, content: bytes) -> bytes:
    """A field of bytes, of text or of a message."""
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise DamagedGraphError("a file that is not an ONNX model")
