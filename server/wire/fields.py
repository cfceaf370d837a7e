"""Where the fields of a protobuf message lie, without reading them (https://protobuf.dev/programming-guides/encoding).

16 MB can hold eight million empty asks, of which a parser makes 830 MB of objects before anybody can count them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..errors import InvalidAsk

VARINT, I64, BYTES, I32 = 0, 1, 2, 5
FIXED_BYTES = {I64: 8, I32: 4}
LONGEST_VARINT = 10  # bytes, of 64 bits
BROKEN = "The message is not as its service has it. Use the service's proto file."


def fields(message: memoryview, most: int) -> Iterator[tuple[int, memoryview]]:
    """Each field's number and its bytes, which are empty for numbers. Raises InvalidAsk beyond `most` of them."""
    for number, _, start, end in _places(message, most):
        yield number, message[start:end]


def cut_out(
    message: memoryview, numbers: Collection[int], most: int
) -> tuple[bytes, dict[int, list[memoryview]]]:
    """The message without the fields of those numbers, and what they hold. Raises InvalidAsk beyond `most` fields."""
    rest: list[memoryview] = []
    cut: dict[int, list[memoryview]] = {number: [] for number in numbers}
    for number, tag_at, start, end in _places(message, most):
        if number in cut:
            cut[number].append(message[start:end])
        else:
            rest.append(message[tag_at:end])
    return b"".join(rest), cut


def _places(message: memoryview, most: int) -> Iterator[tuple[int, int, int, int]]:
    """Each field's number, where its tag begins, and where its bytes begin and end."""
    at, count = 0, 0
    while at < len(message):
        count += 1
        if count > most:
            raise InvalidAsk(f"The message holds more than {most} fields. Use its proto file.", field="")
        tag_at = at
        tag, at = varint(message, at)
        kind, start = tag & 7, at
        if kind == BYTES:
            size, start = varint(message, at)
            at = start + size
        elif kind == VARINT:
            _, at = varint(message, at)
            start = at
        elif kind in FIXED_BYTES:
            at += FIXED_BYTES[kind]
            start = at
        else:
            raise InvalidAsk(BROKEN, field="")
        if at > len(message):
            raise InvalidAsk(BROKEN, field="")
        yield tag >> 3, tag_at, start, at


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends: seven bits a byte, the lowest first. Raises InvalidAsk."""
    if at < len(message) and message[at] < 0x80:  # nearly all: tags, and lengths of short fields
        return message[at], at + 1
    value = 0
    for shift, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise InvalidAsk(BROKEN, field="")
