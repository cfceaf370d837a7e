"""Requests read without parsing what is large: as protobuf itself reads them, in whatever order their fields come."""

from __future__ import annotations

import random

import pytest

from asksight.server.asks import Ask
from asksight.server.errors import InvalidAsk
from asksight.server.wire.requests import MOST_BYTES, SHORT_BYTES, from_request, read, read_ask, read_batch
from asksight.v1 import vqa_pb2


def some_fields(chance: random.Random) -> list[bytes]:
    """Fields of an ask, each by itself, some of them several times."""
    found = [
        vqa_pb2.AskRequest(image_data=chance.randbytes(chance.choice((0, 3, 200)))),
        vqa_pb2.AskRequest(image_id=chance.choice(("", "ab"))),
        vqa_pb2.AskRequest(question="what?" * chance.choice((1, 1, SHORT_BYTES // 4))),
        vqa_pb2.AskRequest(top_k=chance.randrange(300)),
        vqa_pb2.AskRequest(locale="de", model="a"),
    ]
    unknown = [
        b"\x7a\x02hi",
        b"\x78\x05",
        b"\x0d\x01\x02\x03\x04",
        b"\x08\x07",
    ]  # two with image_data's number
    parts = [one.SerializeToString() for one in found] + unknown
    return chance.choices(parts, k=chance.randrange(1, 8))


def same(read: Ask, parsed: Ask) -> bool:
    def told(ask: Ask) -> tuple[object, ...]:
        photo = None if ask.photo is None else bytes(ask.photo)
        return photo, ask.image_id, ask.question, ask.top_k, ask.locale, ask.model

    return told(read) == told(parsed)


def test_in_any_order_they_are_what_protobuf_reads() -> None:
    chance = random.Random(0)
    for _ in range(3000):
        message = b"".join(some_fields(chance))
        if len(message) > MOST_BYTES:
            continue
        parsed = from_request(vqa_pb2.AskRequest.FromString(message), None)
        assert same(read_ask(message, None), parsed), message


def test_a_photo_is_no_copy_wherever_it_comes() -> None:
    photo = vqa_pb2.AskRequest(image_data=bytes(100_000)).SerializeToString()
    for message in (photo, vqa_pb2.AskRequest(question="what?").SerializeToString() + photo):
        asked = read_ask(message, None).photo
        assert isinstance(asked, memoryview)
        assert asked.obj is message


@pytest.mark.parametrize("field", ["question", "locale", "previous_answer"])
def test_what_is_long_beside_the_photo_is_refused_unparsed(field: str) -> None:
    said = rf"has 1000\d\d bytes beside photos; at most {MOST_BYTES}"
    ask = vqa_pb2.AskRequest(image_data=bytes(200_000))
    setattr(ask, field, "w" * 100_000)
    with pytest.raises(InvalidAsk, match=said):
        read_ask(ask.SerializeToString(), None)
    with pytest.raises(InvalidAsk, match=said):
        read_batch(vqa_pb2.AskBatchRequest(asks=[ask]).SerializeToString(), None, most=256)
    with pytest.raises(InvalidAsk, match=said):
        read(vqa_pb2.GetModelRequest, vqa_pb2.GetModelRequest(model="w" * 100_000).SerializeToString())


def test_numbers_with_the_number_of_an_ask_are_no_asks() -> None:
    with pytest.raises(InvalidAsk, match="holds no asks"):
        read_batch(b"\x08\x01" * 3, None, most=256)
