"""Converse: one photo, questions as they come, answers as they are ready; what ends it, and what does not."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from asking import request
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
from asksight.server.observer import Observer
from asksight.server.wire.receiving import AHEAD_BYTES
from asksight.v1 import vqa_pb2

CONVERSE = "/asksight.v1.VqaService/Converse"
QUESTION = "what colour is this?"
IN_TIME = grpc.StatusCode.DEADLINE_EXCEEDED


def open_ones(served: Served) -> list[Any]:
    return served.rig.look(lambda: list(served.server._service.conversations._open))


class Talk:
    """A conversation by gRPC's own stub."""

    def __init__(self, served: Served, *, metadata: Any = (), timeout: float = WAIT_S, **start: Any) -> None:
        self._sent: queue.SimpleQueue[vqa_pb2.ConverseRequest | None] = queue.SimpleQueue()
        if not start.keys() & {"image_id", "image_data"}:
            start["image_data"] = photo(seed=1)
        self._sent.put(vqa_pb2.ConverseRequest(start=vqa_pb2.ConversationStart(**start)))
        self.call = served.stub.Converse(iter(self._sent.get, None), timeout=timeout, metadata=metadata)

    def ask(
        self, number: int, question: str = QUESTION, *, timeout: float | None = None, top_k: int = 0
    ) -> None:
        asked = vqa_pb2.ConversationQuestion(id=number, question=question, top_k=top_k)
        if timeout is not None:
            asked.timeout.FromMilliseconds(round(1000 * timeout))
        self.send(vqa_pb2.ConverseRequest(question=asked))

    def send(self, message: vqa_pb2.ConverseRequest) -> None:
        self._sent.put(message)

    def hear(self) -> vqa_pb2.ConverseResponse:
        said: vqa_pb2.ConverseResponse = next(self.call)
        return said

    def answer(self, number: int, question: str = QUESTION, **more: Any) -> vqa_pb2.AskResponse:
        self.ask(number, question, **more)
        said = self.hear()
        assert (said.id, said.WhichOneof("result")) == (number, "response"), said
        return said.response

    def end(self) -> None:
        """Half-close."""
        self._sent.put(None)

    def ended(self) -> grpc.RpcError:
        """The error that it ended with."""
        with pytest.raises(grpc.RpcError) as refused:
            for _ in self.call:
                pass
        return refused.value


@pytest.fixture
def talk(served: Served) -> Talk:
    return Talk(served, locale="de", top_k=2)


def test_questions_are_answered_as_ask_answers_them_and_the_photo_comes_once(
    served: Served, talk: Talk
) -> None:
    first = talk.answer(7)
    assert [first.answers, first.spoken] == [
        (whole := served.stub.Ask(request(1, QUESTION, locale="de", top_k=2), timeout=WAIT_S)).answers,
        whole.spoken,
    ]
    assert len(first.answers) == 2
    assert not first.timings.features_cached
    second = talk.answer(2**63, top_k=1)
    assert len(second.answers) == 1
    assert second.timings.features_cached
    talk.end()
    assert list(talk.call) == []
    assert talk.call.code() is grpc.StatusCode.OK
    by_id = Talk(served, image_id=first.image_id)
    assert by_id.answer(1).image_id == first.image_id
    by_id.end()


def test_a_bad_question_fails_alone(served: Served, talk: Talk) -> None:
    talk.ask(1, "")
    said = talk.hear()
    assert (said.id, said.error.code, said.error.field) == (
        1,
        grpc.StatusCode.INVALID_ARGUMENT.value[0],
        "question",
    )
    assert talk.answer(2).answers
    unknown = Talk(served, image_id="0" * 64)
    unknown.ask(3)
    said = unknown.hear()
    assert (said.id, said.error.code, said.error.field) == (3, grpc.StatusCode.NOT_FOUND.value[0], "image_id")


def test_a_question_that_is_too_long_to_be_read_fails_alone(served: Served, talk: Talk) -> None:
    hold(served.rig.encoder)
    talk.ask(1)
    talk.ask(2**64 - 1, "is it " + "very " * 10_000 + "blue?")
    talk.ask(0, "?" * 20_000)
    for number in (2**64 - 1, 0):
        said = talk.hear()
        assert (said.id, said.error.code, said.error.field) == (
            number,
            grpc.StatusCode.INVALID_ARGUMENT.value[0],
            "question",
        )
        assert "at most 16384 are taken" in said.error.message
    release(served.rig.encoder)
    assert talk.hear().id == 1
    assert talk.answer(3).answers


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


def test_answers_come_as_they_are_ready(served: Served, talk: Talk) -> None:
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1)
    assert served.rig.answerer.entered.wait(WAIT_S)
    talk.ask(2, "")  # fails without an engine
    assert talk.hear().id == 2
    release(served.rig.answerer)
    assert talk.hear().id == 1


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


def test_each_question_has_a_deadline_of_its_own(served: Served, talk: Talk) -> None:
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1)
    assert served.rig.answerer.entered.wait(WAIT_S)
    talk.ask(2, timeout=0.05)
    said = talk.hear()
    assert (said.id, said.error.code) == (2, IN_TIME.value[0])
    release(served.rig.answerer)
    assert talk.hear().id == 1
    talk.ask(3, timeout=0)
    assert talk.hear().error.code == IN_TIME.value[0]
    assert talk.answer(4, timeout=1e11).answers  # more seconds than timers hold
    assert served.rig.answered_rows == 3


def test_the_calls_own_deadline_ends_all_of_it(served: Served) -> None:
    hold(served.rig.encoder)
    talk = Talk(served, timeout=0.3)
    talk.ask(1)
    assert talk.ended().code() is IN_TIME
    release(served.rig.encoder)
    until(lambda: served.rig.left == NOTHING)


def test_a_follow_up_is_about_the_turn_before_by_itself(served: Served) -> None:
    for before in ("", "where is the dog?"):
        talk = Talk(served, previous_question=before)
        if not before:
            talk.answer(1, "where is the dog?")
        again = talk.answer(2, "Say that again.")
        assert again.question_meant == "where is the dog?"
        assert talk.answer(3, "Say that again.").question_meant == "where is the dog?"
        talk.end()


def test_only_so_many_questions_of_one_are_under_way_and_the_others_wait_with_the_sender(
    make_served: MakeServed,
) -> None:
    served = make_served(replace(Limits(), conversation_questions=3))
    hold(served.rig.encoder)
    talk = Talk(served)
    for number in range(9):
        talk.ask(number)
    assert served.rig.encoder.entered.wait(WAIT_S)
    until(lambda: served.server.calls == 3)
    assert served.stub.GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S).name  # by the same connection
    assert served.server.calls == 3
    release(served.rig.encoder)
    talk.end()
    assert sorted(said.id for said in talk.call) == list(range(9))


def test_a_question_that_is_refused_for_want_of_room_says_when_to_come_again(make_served: MakeServed) -> None:
    served = make_served(calls=1)
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1)
    until(lambda: served.server.calls == 1)
    talk.ask(2)
    said = talk.hear()
    assert (said.id, said.error.code) == (2, grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
    assert said.error.retry_delay.ToMilliseconds() > 0
    release(served.rig.answerer)
    assert talk.hear().id == 1


def test_so_many_may_be_open_and_half_of_them_one_callers(make_served: MakeServed) -> None:
    served = make_served(replace(Limits(), conversations=4))
    talks = [Talk(served) for _ in range(2)]
    for one in talks:
        one.answer(1)
    third = Talk(served)
    error = third.ended()
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "2 of your conversations are open already" in str(error.details())
    talks[0].end()
    assert list(talks[0].call) == []
    assert Talk(served).answer(1).answers


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


def test_a_first_message_that_stalls_ends_as_others_do(make_served: MakeServed) -> None:
    served = make_served(replace(Limits(), receive_within_s=0.2))
    with RawHttp2(served.port) as raw:
        raw.begin(1000, 10, path=CONVERSE)
        raw.until_ended(1)
        assert [code for code, _ in raw.statuses.values()] == [str(IN_TIME.value[0])]


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


def test_the_photo_is_kept_for_what_its_features_are_gone_for_but_only_so_many_bytes_of_photos(
    make_served: MakeServed,
) -> None:
    size = len(photo(seed=1))
    served = make_served(replace(Limits(), cache_bytes=0, conversation_bytes=size + size // 2))
    older = Talk(served)
    assert older.answer(1).answers
    assert older.answer(2).answers  # nothing is remembered; the photo is
    newer = Talk(served, image_data=photo(seed=2))
    assert newer.answer(1).answers
    older.ask(3)
    assert older.hear().error.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert newer.answer(2).answers


class Ended(Observer):
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def call_ended(self, method: str, code: str, seconds: float, caller: str) -> None:
        self.calls.append((method, code))


def test_each_question_is_counted_and_logged_and_a_good_end_is_not(
    make_served: MakeServed, caplog: pytest.LogCaptureFixture
) -> None:
    ended = Ended()
    served = make_served(replace(Limits(), conversation_idle_s=0.3), observer=ended)
    with caplog.at_level("INFO", logger="asksight.calls"):
        talk = Talk(served, metadata=(("x-request-id", "walk"),))
        talk.answer(1)
        talk.ask(2, "")
        talk.hear()
        talk.ended()
        served.rig.look(lambda: None)
    assert ended.calls == [("Converse", "OK"), ("Converse", "INVALID_ARGUMENT")]
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split()[-1] for line in lines] == ["walk:1", "walk:2"]


def test_many_small_asks_beside_an_idle_conversation_are_not_taken_for_its_bytes(
    make_served: MakeServed,
) -> None:
    served = make_served(replace(Limits(), receiving_bytes=64 * 1024))
    talk = Talk(served)
    image_id = talk.answer(1).image_id
    for _ in range(400):  # 50 kB of headers and frames at least, and half of 64 are one caller's
        metadata = (("x-request-id", "0123456789" * 6),)
        served.stub.Ask(request(image_id=image_id), timeout=WAIT_S, metadata=metadata)
    assert talk.answer(2).answers


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


def test_a_follow_up_waits_for_the_answer_that_it_is_about_and_other_questions_do_not(served: Served) -> None:
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1, "where is the dog?")
    assert served.rig.answerer.entered.wait(WAIT_S)
    talk.ask(2, "What colour is it?")
    talk.ask(3, "")  # fails without an engine
    assert talk.hear().id == 3
    release(served.rig.answerer)
    said = [talk.hear() for _ in range(2)]
    assert [one.id for one in said] == [1, 2]
    assert said[1].response.question_meant == "what colour is the dog?"


def test_a_follow_up_is_not_about_what_was_asked_before_a_question_that_failed(served: Served) -> None:
    """The dog's colour would be told as the cat's."""
    talk = Talk(served)
    talk.ask(1, "where is the dog?")
    talk.ask(2, "x" * 5000)
    talk.ask(3, "What colour is it?")
    said = {one.id: one for one in (talk.hear() for _ in range(3))}
    assert said[2].HasField("error")
    assert said[3].response.question_meant == ""


def test_one_that_waits_for_the_turn_before_has_its_own_deadline(served: Served) -> None:
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1, "where is the dog?")
    talk.ask(2, "What colour is it?", timeout=0.05)
    late = talk.hear()
    assert (late.id, late.error.code) == (2, IN_TIME.value[0])
    release(served.rig.answerer)
    assert talk.hear().id == 1


def test_a_follow_up_is_not_about_what_was_asked_before_one_that_was_not_read(served: Served) -> None:
    talk = Talk(served)
    talk.answer(1, "where is the dog?")
    talk.ask(2, "x" * 20_000)
    assert talk.hear().error.field == "question"
    assert talk.answer(3, "What colour is it?").question_meant == ""


def test_empty_questions_are_passed_over_and_keep_nothing(served: Served) -> None:
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1, "where is the dog?")
    assert served.rig.answerer.entered.wait(WAIT_S)
    for number in range(2, 52):
        talk.ask(number, " ")
        assert talk.hear().id == number
    (open_one,) = open_ones(served)
    until(
        lambda: len(served.rig.look(lambda: list(open_one._tasks))) <= 2
    )  # what reads, and the first question
    release(served.rig.answerer)
    assert talk.hear().id == 1
    assert talk.answer(52, "What colour is it?").question_meant == "what colour is the dog?"
