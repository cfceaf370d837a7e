"""How much of a server's room conversations take: of questions, of streams, of photos, of bytes."""

from __future__ import annotations

from dataclasses import replace

import grpc
from asking import request
from conversation_rig import Talk
from photo_files import photo
from server_rig import WAIT_S, MakeServed, hold, release, until

from asksight.server.limits import Limits
from asksight.v1 import vqa_pb2


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
