"""When a refused message is sent again: as the server says, until the deadline, and not at all where that is no use."""

from __future__ import annotations

import math

import pytest
from google.protobuf.duration_pb2 import Duration

from asksight.client import AskSightError, DeadlineError, InvalidAskError, OverloadedError, UnavailableError
from asksight.client.sending import Sending
from asksight.v1 import vqa_pb2

ASK = vqa_pb2.AskRequest(question="red?")


def sending(
    chance: float = 0.5, *, wait_for_server: bool = True
) -> Sending[vqa_pb2.AskRequest, vqa_pb2.AskResponse]:
    return Sending(ASK, timeout_s=10, wait_for_server=wait_for_server, chance=lambda: chance)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_it_comes_back_when_told_and_never_earlier_as_long_as_time_is_left(chance: float) -> None:
    one, left_s, tries = sending(chance), 10.0, 0
    while (wait_s := one.after(OverloadedError("Full.", retry_after_s=0.4), left_s)) is not None:
        assert left_s <= 0.4 or 0.4 <= wait_s <= left_s
        left_s, tries = left_s - wait_s, tries + 1
    assert left_s < 0.4  # it did not give up before
    assert tries >= 5
    assert isinstance(one.outcome, OverloadedError)


def test_whoever_would_have_to_wait_longer_than_the_ask_may_take_is_told_at_once() -> None:
    one = sending()
    assert one.after(OverloadedError("Full.", retry_after_s=30), 10) is None
    assert isinstance(one.outcome, OverloadedError)
    assert sending().after(OverloadedError("Full."), 10) is None  # the server does not say when


def test_a_server_that_is_not_there_is_tried_until_the_deadline() -> None:
    one, left_s = sending(), 20.0
    while (wait_s := one.after(UnavailableError("Gone."), left_s)) is not None:
        assert 0 < wait_s < 3
        left_s -= wait_s
    assert left_s < 0.1
    assert str(one.outcome) == "Gone."


@pytest.mark.parametrize("error", [UnavailableError("Not trusted.", lasting=True), InvalidAskError("Bad.")])
def test_what_no_waiting_mends_is_said_at_once(error: AskSightError) -> None:
    one = sending()
    assert one.after(error, 10) is None
    assert one.outcome is error


def test_nobody_waits_for_a_server_against_their_will() -> None:
    assert sending(wait_for_server=False).after(UnavailableError("Gone."), 10) is None


def test_a_deadline_says_what_stood_in_the_way() -> None:
    one = sending()
    one.after(OverloadedError("Full.", retry_after_s=1), 10)
    assert one.after(DeadlineError("Late."), 0) is None
    assert str(one.outcome) == "Late. The timeout was 10 s. Before that: Full."
    one = sending()
    one.after(UnavailableError("Gone."), 10)
    assert one.after(DeadlineError("Late."), 0) is None
    assert isinstance(one.outcome, UnavailableError)


@pytest.mark.parametrize(
    ("timeout_s", "said"),
    [
        (10.0, "Late. The timeout was 10 s."),
        (0.25, "Late. The timeout was 0.25 s."),
        (math.inf, "Late."),  # a server may have a limit of its own
    ],
)
def test_a_deadline_says_how_long_it_was(timeout_s: float, said: str) -> None:
    late = DeadlineError("Late.")
    one: Sending[vqa_pb2.AskRequest, vqa_pb2.AskResponse] = Sending(ASK, timeout_s=timeout_s)
    assert one.after(late, 0) is None
    assert isinstance(one.outcome, DeadlineError)
    assert str(one.outcome) == said
    assert one.outcome.__cause__ is late


def result(name: str) -> vqa_pb2.AskResult:
    if name:
        return vqa_pb2.AskResult(response=vqa_pb2.AskResponse(spoken=name))
    return vqa_pb2.AskResult(
        error=vqa_pb2.AskError(code=8, message="Full.", retry_delay=Duration(nanos=500_000_000))
    )


def answered(response: object) -> list[str]:
    assert isinstance(response, vqa_pb2.AskBatchResponse)
    return [one.response.spoken or one.error.message for one in response.results]


def test_of_a_batch_only_what_was_refused_is_sent_again() -> None:
    batch = vqa_pb2.AskBatchRequest(asks=[vqa_pb2.AskRequest(question=one) for one in "abcd"])
    one: Sending[vqa_pb2.AskBatchRequest, vqa_pb2.AskBatchResponse] = Sending(
        batch, timeout_s=10, chance=lambda: 0
    )
    assert one.after(vqa_pb2.AskBatchResponse(results=map(result, ["a", "", "", "d"])), 10) == 0.5
    assert [ask.question for ask in one.message.asks] == ["b", "c"]
    assert one.after(vqa_pb2.AskBatchResponse(results=map(result, ["", "c"])), 9) == 0.5
    assert [ask.question for ask in one.message.asks] == ["b"]
    assert one.after(vqa_pb2.AskBatchResponse(results=map(result, ["b"])), 8) is None
    assert answered(one.outcome) == ["a", "b", "c", "d"]


def test_what_a_batch_has_is_kept_when_a_later_try_fails() -> None:
    batch = vqa_pb2.AskBatchRequest(asks=[vqa_pb2.AskRequest(question=one) for one in "ab"])
    one: Sending[vqa_pb2.AskBatchRequest, vqa_pb2.AskBatchResponse] = Sending(
        batch, timeout_s=10, chance=lambda: 0
    )
    one.after(vqa_pb2.AskBatchResponse(results=map(result, ["a", ""])), 10)
    assert one.after(DeadlineError("Late."), 0) is None
    assert answered(one.outcome) == ["a", "Full."]
