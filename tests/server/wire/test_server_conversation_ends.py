"""What ends a conversation: who leaves, time, a stop, a token that is taken back; and what was asked before."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
from asking import request
from conversation_rig import CONVERSE, IN_TIME, QUESTION, Talk, open_ones
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from photo_files import photo
from raw_http2 import RawHttp2
from server_rig import NOTHING, WAIT_S, MakeServed, Served, hold, release, until
from token_lines import line

from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.limits import MEBI, Limits
from asksight.server.wire.receiving import AHEAD_BYTES
from asksight.v1 import vqa_pb2


def test_what_was_asked_before_the_half_close_is_answered(served: Served, talk: Talk) -> None:
    hold(served.rig.encoder)
    for number in range(5):
        talk.ask(number)
    talk.end()
    until(lambda: served.server.calls == 5)
    release(served.rig.encoder)
    assert sorted(said.id for said in talk.call) == list(range(5))
    assert talk.call.code() is grpc.StatusCode.OK
    assert served.rig.encoded_rows == 1


def test_who_leaves_cancels_all_of_it_and_nothing_is_computed_for_nobody(served: Served, talk: Talk) -> None:
    talk.answer(0)
    hold(served.rig.answerer)
    other = served.stub.Ask.future(request(2), timeout=WAIT_S)  # holds the engine
    assert served.rig.answerer.entered.wait(WAIT_S)
    for number in range(1, 6):
        talk.ask(number)
    until(lambda: served.server.calls == 6)
    talk.call.cancel()
    until(lambda: served.server.calls == 1)
    release(served.rig.answerer)
    assert other.result(WAIT_S).answers
    until(lambda: served.rig.left == NOTHING)
    assert served.rig.answered_rows == 2


def test_the_calls_own_deadline_ends_all_of_it(served: Served) -> None:
    hold(served.rig.encoder)
    talk = Talk(served, timeout=0.3)
    talk.ask(1)
    assert talk.ended().code() is IN_TIME
    release(served.rig.encoder)
    until(lambda: served.rig.left == NOTHING)


def test_one_that_waits_longer_than_a_message_may_take_goes_on_and_one_that_is_idle_ends(
    make_served: MakeServed,
) -> None:
    served = make_served(replace(Limits(), receive_within_s=0.15, conversation_idle_s=0.8))
    talk = Talk(served)
    assert talk.answer(1).answers
    with RawHttp2(served.port) as raw:  # a clock: what stalls ends after receive_within_s
        raw.begin(1000, 10)
        raw.until_ended(1)
        raw.begin(1000, 10)
        raw.until_ended(2)
    assert talk.answer(2).answers
    error = talk.ended()
    assert error.code() is IN_TIME
    assert "Nothing was asked for 0.8 seconds" in str(error.details())


def test_one_that_lasts_too_long_ends_once_its_questions_are_answered(make_served: MakeServed) -> None:
    served = make_served(replace(Limits(), conversation_s=0.5))
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1)
    until(lambda: open_ones(served)[0].ending is not None)
    release(served.rig.answerer)
    assert talk.hear().id == 1
    assert "It has lasted 0.5 seconds" in str(talk.ended().details())


def test_answers_that_nobody_takes_end_it(make_served: MakeServed) -> None:
    served = make_served(replace(Limits(), conversation_idle_s=0.3))
    start = vqa_pb2.ConverseRequest(start=vqa_pb2.ConversationStart(image_data=photo(seed=1)))
    untaken = served.server._receiving.untaken
    with slow_reader(served.port) as raw:
        raw.send(start.SerializeToString())
        for number in range(30):
            asked = vqa_pb2.ConversationQuestion(id=number, question=QUESTION, top_k=1000)
            raw.send(vqa_pb2.ConverseRequest(question=asked).SerializeToString())
        until(lambda: untaken.size_bytes > 0)
        until(lambda: not open_ones(served))
    assert untaken.size_bytes == 0
    until(lambda: served.rig.left == NOTHING)


class SlowReader:
    """Takes a byte of all answers, and acknowledges nothing."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1})
        headers = [(":method", "POST"), (":scheme", "http"), (":path", CONVERSE), (":authority", "here")]
        self._h2.send_headers(1, [*headers, ("content-type", "application/grpc"), ("te", "trailers")])

    def send(self, message: bytes) -> None:
        self._h2.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message)
        self._socket.sendall(self._h2.data_to_send())

    def close(self) -> None:
        self._socket.close()


@contextmanager
def slow_reader(port: int) -> Iterator[SlowReader]:
    made = SlowReader(port)
    yield made
    made.close()


def test_a_stop_answers_what_was_asked_and_tells_those_that_wait_to_go_elsewhere(
    served: Served, talk: Talk
) -> None:
    talk.answer(0)
    idle = Talk(served)
    idle.answer(0)
    hold(served.rig.answerer)
    talk.ask(1)
    until(lambda: served.server.calls == 1)
    stopped = served.server.begin_stop(WAIT_S)
    assert idle.ended().code() is grpc.StatusCode.UNAVAILABLE
    assert not stopped.is_set()
    release(served.rig.answerer)
    assert talk.hear().id == 1
    error = talk.ended()
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    trailing: Any = error.trailing_metadata()
    assert "grpc-retry-pushback-ms" in dict(trailing)
    assert stopped.wait(WAIT_S)


def test_a_token_is_looked_at_before_any_message_and_at_every_question(
    make_served: MakeServed, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(line("app", "right") + line("other", "one"))
    served = make_served(authentication=Authentication(TokenFile(tokens)))
    with RawHttp2(served.port) as raw:
        raw.begin(15 * MEBI, 15 * MEBI, path=CONVERSE, token="wrong")
        raw.until_ended(1)
        assert [code for code, _ in raw.statuses.values()] == [str(grpc.StatusCode.UNAUTHENTICATED.value[0])]
        assert raw.bytes_sent <= AHEAD_BYTES
    talk = Talk(served, metadata=(("authorization", "Bearer right"),))
    assert talk.answer(0).answers
    tokens.write_text(line("other", "one"))
    numbers = iter(range(1, 10**6))

    def refused() -> bool:
        talk.ask(next(numbers))
        return talk.hear().error.code == grpc.StatusCode.UNAUTHENTICATED.value[0]

    until(refused)  # the file is looked at once a second
    assert talk.ended().code() is grpc.StatusCode.UNAUTHENTICATED
