"""Where the fields of a protobuf message lie, without reading them (https://protobuf.dev/programming-guides/encoding).

16 MB can hold eight million empty asks, of which a parser makes 830 MB of objects before anybody can count them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from ..errors import InvalidAsk

VARINT, I64, BYTES, I32 = 0, 1, 2, 5
FIXED_BYTES = {I64: 8, I32: 4}
LONGEST_VARINT = 10  # bytes, of 64 bits
BROKEN = "The message is not as its service has it. Use the service's proto file."


class Field(NamedTuple):
    """One field as it lies in a message."""

    number: int
    value: memoryview | None  # its bytes; None where it is a number
    whole: memoryview  # with its tag and size


def fields(message: memoryview, most: int) -> Iterator[Field]:
    """Each field of a message, in its order. Raises InvalidAsk beyond `most` of them."""
    at, count = 0, 0
    while at < len(message):
        begin, value = at, None
        count += 1
        if count > most:
            raise InvalidAsk(f"The message holds more than {most} fields. Use its proto file.", field="")
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == BYTES:
            size, start = varint(message, at)
            at = start + size
            value = message[start:at]
        elif kind == VARINT:
            _, at = varint(message, at)
        elif kind in FIXED_BYTES:
            at += FIXED_BYTES[kind]
            start = at
        else:
            raise InvalidAsk(BROKEN, field="")
        if at > len(message):
            raise InvalidAsk(BROKEN, field="")
        yield Field(tag >> 3, value, message[begin:at])


def cut_out(
    message: memoryview, numbers: Collection[int], most: int
) -> tuple[bytes, dict[int, list[memoryview]]]:
    """The message without the fields of those numbers, and what they hold. Raises InvalidAsk beyond `most` fields."""
    rest: list[memoryview] = []
    cut: dict[int, list[memoryview]] = {number: [] for number in numbers}
    for number, value, whole in fields(message, most):
        if number in cut and value is not None:
            cut[number].append(value)
        else:
            rest.append(whole)
    return b"".join(rest), cut


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends: seven bits a byte, the lowest first. Raises InvalidAsk."""
    value = 0
    for shift, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise InvalidAsk(BROKEN, field="")
