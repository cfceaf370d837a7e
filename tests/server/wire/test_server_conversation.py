"""Converse: one photo, questions as they come, answers as they are ready; a question that fails, fails alone."""

from __future__ import annotations

from dataclasses import replace

import grpc
import pytest
from asking import request
from conversation_rig import IN_TIME, QUESTION, Talk
from server_rig import WAIT_S, MakeServed, Served, hold, release

from asksight.server.limits import Limits
from asksight.server.observer import Observer


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


def test_answers_come_as_they_are_ready(served: Served, talk: Talk) -> None:
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1)
    assert served.rig.answerer.entered.wait(WAIT_S)
    talk.ask(2, "")  # fails without an engine
    assert talk.hear().id == 2
    release(served.rig.answerer)
    assert talk.hear().id == 1


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
