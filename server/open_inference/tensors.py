"""Tensors of the protocol: the elements of one, from either of the two forms that they come in, and raw again.

Raw tensors are little-endian; before each element of BYTES stands its length in four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidAsk
from ..wire.fields import cut_out, fields
from ..wire.requests import MOST_FIELDS, read
from .inference_messages import InferInputTensor, InferTensorContents

CONTENTS, BYTES_CONTENTS = 5, 8  # the fields' numbers
MOST_BESIDE_BYTES = 16 * 1024  # of a message or a tensor without its BYTES; 256 numbers take 2.5 KB
BYTES = "BYTES"
LENGTH = struct.Struct("<I").pack
# By datatype: struct's letter, and the field of InferTensorContents.
NUMBERS = {
    "UINT32": ("I", "uint_contents"),
    "INT32": ("i", "int_contents"),
    "UINT64": ("Q", "uint64_contents"),
    "INT64": ("q", "int64_contents"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InputTensor:
    """What is said of one input, and its elements as they came."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: Any  # InferParameter by name
    contents: Sequence[memoryview]  # typed, InferTensorContents; none where it is raw


def read_tensor(message: memoryview) -> InputTensor:
    """Read an InferInputTensor, whose elements stay where they are. Raises InvalidAsk."""
    rest, cut = cut_out(message, (CONTENTS,), MOST_FIELDS)
    check_beside(len(rest), "inputs")
    head = read(InferInputTensor, rest)
    return InputTensor(
        name=head.name,
        datatype=head.datatype,
        shape=tuple(head.shape),
        parameters=head.parameters,
        contents=cut[CONTENTS],
    )


def check_beside(size_bytes: int, field: str) -> None:
    """Raise InvalidAsk where more stands around the elements than anybody needs."""
    if size_bytes > MOST_BESIDE_BYTES:
        raise InvalidAsk(
            f"Names, shapes and parameters take {size_bytes} bytes; at most {MOST_BESIDE_BYTES} are read. "
            "Send fewer.",
            field=field,
        )


def bytes_of(tensor: InputTensor, raw: memoryview | None, count: int) -> list[memoryview]:
    """The `count` elements of a tensor of BYTES, which are not copied. Raises InvalidAsk."""
    if raw is not None:
        found = list(_raw_bytes(tensor.name, raw, count))
    else:
        found = []
        for part in tensor.contents:
            for number, value, _ in fields(part, count + MOST_FIELDS):
                if number != BYTES_CONTENTS:
                    raise _other_contents(tensor, "bytes_contents")
                if value is not None:
                    found.append(value)
    _check_count(tensor, len(found), count, "bytes_contents")
    return found


def texts_of(tensor: InputTensor, raw: memoryview | None, count: int) -> list[str]:
    """The same as text. Raises InvalidAsk."""
    texts = []
    for at, element in enumerate(bytes_of(tensor, raw, count)):
        try:
            texts.append(str(element, "utf-8"))
        except UnicodeDecodeError:
            raise InvalidAsk(
                f"Element {at} of the input {tensor.name!r} is not UTF-8. Send text in UTF-8.",
                field=tensor.name,
            ) from None
    return texts


def numbers_of(tensor: InputTensor, raw: memoryview | None, count: int) -> list[int]:
    """The `count` elements of a tensor of one of the types of NUMBERS. Raises InvalidAsk."""
    letter, contents = NUMBERS[tensor.datatype]
    if raw is not None:
        row = struct.Struct(f"<{letter}")
        if len(raw) != count * row.size:
            raise InvalidAsk(
                f"The input {tensor.name!r} has {len(raw)} bytes; {count} elements of {tensor.datatype} take "
                f"{count * row.size}. Send as many as its shape says.",
                field=tensor.name,
            )
        return [value for (value,) in row.iter_unpack(raw)]
    size_bytes = sum(map(len, tensor.contents))
    check_beside(size_bytes, tensor.name)
    typed = read(InferTensorContents, b"".join(tensor.contents))
    if any(field.name != contents for field, _ in typed.ListFields()):
        raise _other_contents(tensor, contents)
    found = list(getattr(typed, contents))
    _check_count(tensor, len(found), count, contents)
    return found


def raw_bytes(elements: Iterable[bytes]) -> bytes:
    """A tensor of BYTES, raw."""
    return b"".join([LENGTH(len(one)) + one for one in elements])


def raw_floats(elements: Sequence[float]) -> bytes:
    """A tensor of FP32, raw."""
    return struct.pack(f"<{len(elements)}f", *elements)


def _raw_bytes(name: str, raw: memoryview, count: int) -> Iterator[memoryview]:
    at = 0
    for element in range(count):
        start = at + 4
        at = start + int.from_bytes(raw[at:start], "little")
        if start > len(raw) or at > len(raw):
            raise InvalidAsk(
                f"The input {name!r} ends within its element {element} of {count}. Before each element of BYTES write "
                "its length: four bytes, the lowest first.",
                field=name,
            )
        yield raw[start:at]
    if at < len(raw):
        raise InvalidAsk(
            f"The input {name!r} has {len(raw) - at} bytes behind its {count} elements. "
            "Send as many as its shape says.",
            field=name,
        )


def _other_contents(tensor: InputTensor, contents: str) -> InvalidAsk:
    return InvalidAsk(
        f"The input {tensor.name!r} is {tensor.datatype}, and has elements of another type. Send all of them in "
        f"{contents}, or raw.",
        field=tensor.name,
    )


def _check_count(tensor: InputTensor, found: int, count: int, contents: str) -> None:
    if found != count:
        raise InvalidAsk(
            f"The input {tensor.name!r} has {found} elements and the shape {list(tensor.shape)}. "
            f"Send {count} in {contents}, or raw.",
            field=tensor.name,
        )
