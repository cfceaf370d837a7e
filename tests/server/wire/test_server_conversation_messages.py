"""A conversation's messages: what is none is told so, and one that stalls or does not end is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc
import pytest
from conversation_rig import CONVERSE, IN_TIME, open_ones
from raw_http2 import RawHttp2
from server_rig import WAIT_S, MakeServed, Served, until

from asksight.server.limits import MEBI, Limits
from asksight.v1 import vqa_pb2


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "without a message"),
        ([vqa_pb2.ConverseRequest()], "begins with its start"),
        (
            [vqa_pb2.ConverseRequest(question=vqa_pb2.ConversationQuestion(id=1, question="what?"))],
            "begins with",
        ),
        ([vqa_pb2.ConverseRequest(start=vqa_pb2.ConversationStart(model="x"))], "There is no photo"),
        (2 * [vqa_pb2.ConverseRequest(start=vqa_pb2.ConversationStart(image_id="a"))], "has questions"),
    ],
)
def test_what_is_no_conversation_is_told_so(
    served: Served, messages: list[vqa_pb2.ConverseRequest], words: str
) -> None:
    call = served.stub.Converse(iter(messages), timeout=WAIT_S)
    with pytest.raises(grpc.RpcError) as refused:
        list(call)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in str(refused.value.details())


def test_what_is_no_protobuf_ends_it(served: Served) -> None:
    start = vqa_pb2.ConverseRequest(start=vqa_pb2.ConversationStart(image_id="a")).SerializeToString()
    many = vqa_pb2.ConverseRequest().SerializeToString() + b"\x20\x05" * MEBI
    call: Any = served.channel.stream_stream(CONVERSE)
    second_start = start + bytes((0x0A, 0xA0, 0x9C, 0x01)) + b"\0" * 20_000
    for broken, words in (
        (b"\xff\xff", "not as its service has it"),
        (many, "at most 16384 are taken"),
        (second_start, "at most 16384 are taken"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            list(call(iter([start, broken]), timeout=WAIT_S))
        assert words in str(refused.value.details())


def test_a_first_message_that_stalls_ends_as_others_do(make_served: MakeServed) -> None:
    served = make_served(replace(Limits(), receive_within_s=0.2))
    with RawHttp2(served.port) as raw:
        raw.begin(1000, 10, path=CONVERSE)
        raw.until_ended(1)
        assert [code for code, _ in raw.statuses.values()] == [str(IN_TIME.value[0])]


def test_bytes_of_a_question_that_does_not_end_are_counted(make_served: MakeServed) -> None:
    served = make_served(replace(Limits(), receiving_bytes=MEBI))
    with RawHttp2(served.port) as raw:
        start = vqa_pb2.ConverseRequest(
            start=vqa_pb2.ConversationStart(image_id="0" * 64)
        ).SerializeToString()
        stream = raw.begin(0, 0, path=CONVERSE)
        raw.send(stream, b"\0" + len(start).to_bytes(4, "big") + start)
        until(lambda: bool(open_ones(served)))
        raw.send(stream, b"\0" + (15 * MEBI).to_bytes(4, "big"))
        raw.more(stream, 2 * MEBI)
        raw.until_ended(1)
        assert [code for code, _ in raw.statuses.values()] == [
            str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
        ]
        until(lambda: not open_ones(served))
