"""The wire, through a real channel: replies, statuses with their details, limits, health and reflection."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import grpc
import pytest
from asking import refusal, request
from bundles import write_random_bundle
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status
from photo_files import encoded, photo, picture
from server_rig import NOTHING, WAIT_S, MakeServed, Served, hold, release, until

from asksight.server.limits import Limits
from asksight.v1 import vqa_pb2

HEALTHY = health_pb2.HealthCheckResponse.SERVING
UNHEALTHY = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE = "asksight.v1.VqaService"


def said(error: grpc.RpcError) -> str:
    return error.details() or ""


def detail(error: grpc.RpcError, kind: type[Message]) -> Message:
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert status is not None
    (packed,) = (packed for packed in status.details if packed.Is(kind.DESCRIPTOR))
    found = kind()
    packed.Unpack(found)
    return found


def field_of(error: grpc.RpcError) -> str:
    bad = detail(error, error_details_pb2.BadRequest)
    assert isinstance(bad, error_details_pb2.BadRequest)
    (violation,) = bad.field_violations
    return str(violation.field)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_of_each_format_is_answered(served: Served, kind: str) -> None:
    file = encoded(picture(300, 200), kind)
    response = served.stub.Ask(request(image_data=file, top_k=3), timeout=WAIT_S)
    assert [answer.probability for answer in response.answers] == sorted(
        (answer.probability for answer in response.answers), reverse=True
    )
    assert len(response.answers) == 3
    assert response.verdict != vqa_pb2.VERDICT_UNSPECIFIED
    assert response.spoken
    assert response.model == "random 1"
    assert response.image_id == hashlib.sha256(file).hexdigest()
    assert response.timings.total_us > 0
    again = served.stub.Ask(request(image_id=response.image_id, top_k=3), timeout=WAIT_S)
    assert again.timings.features_cached
    assert [answer.label for answer in again.answers] == [answer.label for answer in response.answers]


def test_photo_issues_are_reported_with_a_hint(served: Served) -> None:
    dark = encoded(picture().point([value // 40 for value in range(256)] * 3), "PNG")
    (issue,) = served.stub.Ask(request(image_data=dark), timeout=WAIT_S).photo_issues
    assert issue.kind == vqa_pb2.PHOTO_ISSUE_KIND_DARK
    assert issue.severity > 0.5
    assert issue.hint


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        (request(image_data=b""), "INVALID_ARGUMENT", "image_data"),
        (request(image_data=b"no photo"), "INVALID_ARGUMENT", "image_data"),
        (request(image_data=photo()[:500]), "INVALID_ARGUMENT", "image_data"),
        (vqa_pb2.AskRequest(question="what?"), "INVALID_ARGUMENT", "image_data"),
        (request(question=""), "INVALID_ARGUMENT", "question"),
        (request(question=" \t "), "INVALID_ARGUMENT", "question"),
        (request(question="x" * 5000), "INVALID_ARGUMENT", "question"),
        (request(question="what\x07"), "INVALID_ARGUMENT", "question"),
        (request(image_id="nonsense"), "INVALID_ARGUMENT", "image_id"),
        (request(image_id="0" * 64), "NOT_FOUND", "image_id"),
        (request(model="another"), "NOT_FOUND", "model"),
    ],
)
def test_bad_requests_get_their_code_their_field_and_a_line_for_a_person(
    served: Served, bad: vqa_pb2.AskRequest, code: str, field: str
) -> None:
    error = refusal(served.stub.Ask, bad)
    assert error.code() is grpc.StatusCode[code]
    assert field_of(error) == field
    assert len(said(error)) < 300
    assert "\n" not in said(error)
    assert str(Path.cwd()) not in said(error)


def test_what_is_no_protobuf_is_the_callers_fault(served: Served) -> None:
    for method in ("Ask", "AskBatch", "Converse", "GetModel"):
        error = refusal(served.channel.unary_unary(f"/{SERVICE}/{method}"), b"\x0a\xff no message")
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "proto file" in said(error)


def test_the_message_limit_is_named(served: Served) -> None:
    error = refusal(served.stub.Ask, request(image_data=bytes(17 * 2**20)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(16 * 2**20) in said(error)  # gRPC's own: the message is over 16 MiB
    limit = Limits().photo.max_bytes
    error = refusal(served.stub.Ask, request(image_data=bytes(limit + 1)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(limit) in said(error)  # ours: the message would pass, the photo does not
    assert served.stub.Ask(request(), timeout=WAIT_S).answers


def test_a_batch_answers_row_by_row_and_a_bad_row_fails_alone(served: Served) -> None:
    asks = [request(0), request(1, ""), request(2), request(image_id="0" * 64), request(3, model="another")]
    results = served.stub.AskBatch(vqa_pb2.AskBatchRequest(asks=asks), timeout=WAIT_S).results
    assert [result.WhichOneof("result") for result in results] == [
        "response",
        "error",
        "response",
        "error",
        "error",
    ]
    assert (results[1].error.code, results[1].error.field) == (3, "question")
    assert (results[3].error.code, results[3].error.field) == (5, "image_id")
    assert (results[4].error.code, results[4].error.field) == (5, "model")
    alone = served.stub.Ask(request(2), timeout=WAIT_S)
    assert [answer.label for answer in results[2].response.answers] == [a.label for a in alone.answers]


def test_a_batch_holds_1_to_256_asks(served: Served) -> None:
    for count in (0, 257):
        error = refusal(served.stub.AskBatch, vqa_pb2.AskBatchRequest(asks=[request()] * count))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert field_of(error) == "asks"
    full = served.stub.AskBatch(vqa_pb2.AskBatchRequest(asks=[request()] * 256), timeout=WAIT_S)
    assert all(result.HasField("response") for result in full.results)
    assert served.rig.encoded_rows == 1


def test_the_model_says_what_it_is_and_what_it_takes(served: Served) -> None:
    model = served.stub.GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S)
    assert (model.name, model.version, model.architecture) == ("random", "1", "random")
    assert len(model.answers) == 10
    assert model.limits.max_message_bytes == 16 * 2**20
    assert model.limits.max_asks_per_batch == 256
    assert model.limits.max_question_tokens == 30
    assert model == served.stub.GetModel(vqa_pb2.GetModelRequest(model="random"), timeout=WAIT_S)
    error = refusal(served.stub.GetModel, vqa_pb2.GetModelRequest(model="another"))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "random" in said(error)


def test_several_models_are_chosen_by_name(served: Served, tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "two", seed=5, name="two")
    assert served.rig.local.add(tmp_path / "two", threads=1) == "two"
    asks = [request(model=model) for model in ("", "two", "random", "two")]
    results = served.stub.AskBatch(vqa_pb2.AskBatchRequest(asks=asks), timeout=WAIT_S).results
    assert [result.response.model for result in results] == ["random 1", "two 1", "random 1", "two 1"]


def two_waiting(served: Served) -> list[Any]:
    """Two calls: one's photo is in the encoder, which is held, and the other's waits for it."""
    hold(served.rig.encoder)
    calls = [served.stub.Ask.future(request(0), timeout=WAIT_S)]
    assert served.rig.encoder.entered.wait(WAIT_S)
    calls.append(served.stub.Ask.future(request(1), timeout=WAIT_S))
    until(lambda: served.rig.waiting_photos == 1)
    return calls


def assert_refused_with_a_delay(error: grpc.RpcError) -> None:
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    retry = detail(error, error_details_pb2.RetryInfo)
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() > 0


def test_a_call_more_than_may_be_under_way_is_refused_at_once_with_a_delay(make_served: MakeServed) -> None:
    served = make_served(calls=2)
    calls = two_waiting(served)
    assert_refused_with_a_delay(refusal(served.stub.Ask, request(2)))
    release(served.rig.encoder)
    assert all(call.result(WAIT_S).answers for call in calls)
    assert served.stub.GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S).name == "random"
    assert served.stub.Ask(request(2), timeout=WAIT_S).answers


def test_a_full_queue_is_told_with_a_delay(make_served: MakeServed) -> None:
    served = make_served(Limits(queue_capacity=2))
    calls = two_waiting(served)
    assert_refused_with_a_delay(refusal(served.stub.Ask, request(2)))
    release(served.rig.encoder)
    assert all(call.result(WAIT_S).answers for call in calls)


def test_deadlines_and_cancellations_reach_the_queue(served: Served) -> None:
    hold(served.rig.encoder)
    busy = served.stub.Ask.future(request(0), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    leaving = served.stub.Ask.future(request(2), timeout=WAIT_S)
    until(lambda: served.rig.waiting_photos == 1)
    short = served.stub.Ask.future(request(1), timeout=0.3)
    leaving.cancel()
    assert short.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: served.server.calls == 1)  # both handlers have left, though the engine is still held
    release(served.rig.encoder)
    assert busy.result(WAIT_S).answers
    assert served.stub.Ask(request(3), timeout=WAIT_S).answers
    assert served.rig.encoded_rows == 2


def test_calls_leave_nothing_behind_however_they_end(served: Served) -> None:
    served.stub.Ask(request(), timeout=WAIT_S)
    served.stub.Ask(request(question="what now?"), timeout=WAIT_S)  # of a photo that is cached
    for bad in (request(image_data=b"no photo"), request(question=""), request(model="another")):
        refusal(served.stub.Ask, bad)
    assert served.rig.left == NOTHING


def test_an_engine_that_fails_is_told_as_internal_without_its_words(served: Served) -> None:
    served.rig.answerer.failure = RuntimeError("/srv/secret")
    error = refusal(served.stub.Ask, request())
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in said(error)
    served.rig.answerer.failure = None
    assert served.stub.Ask(request(), timeout=WAIT_S).answers


def test_a_failure_outside_the_assistant_is_internal_too(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("asksight.server.wire.service.read_ask", lambda *_, **__: 1 / 0)
    error = refusal(served.stub.Ask, request())
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "zero" not in said(error)
    assert "ZeroDivisionError" in caplog.text
