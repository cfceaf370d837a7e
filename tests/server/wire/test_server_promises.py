"""What the server promises its callers, over the wire: each test fails where the mechanism behind it is taken out."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest
from asking import refusal, request
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status
from server_rig import NOTHING, WAIT_S, MakeServed, Served, health_stub, hold, release, until

from asksight.engine import Arrays
from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.core import photo_features
from asksight.server.core.admission import Admission
from asksight.server.limits import Limits
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

HEALTHY = health_pb2.HealthCheckResponse.SERVING
UNHEALTHY = health_pb2.HealthCheckResponse.NOT_SERVING
ROW_S = 0.5  # of an encoder that takes its time


def retry_after_s(error: grpc.RpcError) -> float:
    """Of its RetryInfo, which it must have."""
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    (packed,) = status.details
    assert packed.Unpack(retry)
    return float(retry.retry_delay.ToMilliseconds()) / 1000


def make_slow(served: Served) -> None:
    """Have its encoder take ROW_S a row, and the server know it by having measured it."""
    encoder = served.rig.encoder
    real = encoder._function

    def slow(arrays: Arrays) -> Any:
        time.sleep(ROW_S)  # it takes so long
        return real(arrays)

    encoder._function = slow
    served.stub.Ask(request(99), timeout=WAIT_S)


def hold_decoding(monkeypatch: pytest.MonkeyPatch) -> tuple[list[object], Event]:
    """Have decoding wait; gives what came there, and what lets it go on."""
    came: list[object] = []
    gate = Event()
    decode = vars(photo_features)["open_photo"]

    def held(*args: Any, **more: Any) -> Any:
        came.append(args)
        assert gate.wait(2 * WAIT_S)
        return decode(*args, **more)

    monkeypatch.setattr(photo_features, "open_photo", held)
    return came, gate


def test_who_would_come_too_late_is_refused_at_once_undecoded_counting_those_being_decoded(
    make_served: MakeServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = make_served(Limits(encoder_batch=1))
    make_slow(served)
    came, gate = hold_decoding(monkeypatch)
    patient = served.stub.Ask.future(request(1), timeout=WAIT_S)
    until(lambda: len(came) == 1)
    # One ahead of it and itself take two rows' time: more than the engines' share of this.
    error = refusal(served.stub.Ask, request(2), timeout=2 * ROW_S)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_after_s(error) == pytest.approx(ROW_S, rel=0.2)
    assert len(came) == 1
    joins = served.stub.Ask.future(request(1, "how many?"), timeout=WAIT_S)  # costs the encoder nothing
    gate.set()
    assert patient.result(WAIT_S).answers
    assert joins.result(WAIT_S).answers
    assert len(came) == 1


def test_who_would_come_too_late_behind_the_encoders_own_rows_is_refused_too(
    make_served: MakeServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = make_served(Limits(encoder_batch=1))
    make_slow(served)
    hold(served.rig.encoder)
    inside = served.stub.Ask.future(request(1), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    monkeypatch.setattr(photo_features, "open_photo", lambda *_, **__: pytest.fail("decoded in vain"))
    error = refusal(served.stub.Ask, request(2), timeout=2 * ROW_S)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_after_s(error) > 0
    release(served.rig.encoder)
    assert inside.result(WAIT_S).answers


def test_who_leaves_while_its_row_is_inside_the_engine_gives_its_place_back_at_once(
    make_served: MakeServed,
) -> None:
    served = make_served(calls=1)
    hold(served.rig.encoder)
    leaving = served.stub.Ask.future(request(1), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    leaving.cancel()
    until(lambda: served.rig.left == NOTHING)  # while the engine still has the row
    after = served.stub.Ask.future(request(2), timeout=WAIT_S)
    until(lambda: served.rig.waiting_photos == 1)
    release(served.rig.encoder)
    assert after.result(WAIT_S).answers  # what came for the other is dropped
    assert served.rig.encoder.batch_sizes == [1, 1]
    assert served.rig.answered_rows == 1


def test_who_leaves_while_waiting_costs_the_engine_no_row(served: Served) -> None:
    hold(served.rig.encoder)
    inside = served.stub.Ask.future(request(1), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    waiting = [served.stub.Ask.future(request(2 + number), timeout=WAIT_S) for number in range(3)]
    until(lambda: served.rig.waiting_photos == 3)
    late = served.stub.Ask.future(request(9), timeout=0.3)
    for call in waiting[:2]:
        call.cancel()
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: served.server.calls == 2)
    release(served.rig.encoder)
    assert inside.result(WAIT_S).answers
    assert waiting[2].result(WAIT_S).answers
    assert served.rig.encoder.batch_sizes == [1, 1]
    assert served.rig.answered_rows == 2
    until(lambda: served.rig.left == NOTHING)


def test_an_engine_that_hangs_under_a_lone_caller_is_replaced_and_not_heard_any_more(
    make_served: MakeServed,
) -> None:
    others = set(threading.enumerate())
    served = make_served(Limits(hang_after_s=0.5))
    (old_thread,) = (one for one in set(threading.enumerate()) - others if one.name == "asksight-encoder")
    shop, check = served.rig.shop, health_stub(served.channel)
    watch = check.Watch(health_pb2.HealthCheckRequest(), timeout=4 * WAIT_S)
    assert next(watch).status == HEALTHY
    hold(shop.encoders[0])
    shop.open_now.clear()
    hung = served.stub.Ask.future(request(1), timeout=WAIT_S)
    assert shop.encoders[0].entered.wait(WAIT_S)
    error = hung.exception(WAIT_S)
    assert isinstance(error, grpc.RpcError)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert next(watch).status == UNHEALTHY
    until(lambda: served.rig.left == NOTHING)
    shop.open_now.set()
    assert next(watch).status == HEALTHY
    assert len(shop.encoders) == 2
    hold(shop.encoders[1])
    another = served.stub.Ask.future(request(2), timeout=WAIT_S)
    assert shop.encoders[1].entered.wait(WAIT_S)
    release(shop.encoders[0])  # the old thread comes back with a row of its own, while another's is inside
    old_thread.join(WAIT_S)
    assert not old_thread.is_alive()
    served.rig.look(lambda: None)  # what it brought has been looked at
    assert not another.done()
    release(shop.encoders[1])
    answers = another.result(WAIT_S).answers
    assert answers == make_served().stub.Ask(request(2), timeout=WAIT_S).answers
    assert [one.batch_sizes for one in shop.encoders] == [[1], [1]]
    alone = served.stub.Ask(request(1), timeout=WAIT_S)
    assert not alone.timings.features_cached  # nothing was kept of what came too late
    assert not shop.encoders[0].closed  # one that hangs must not be touched


def test_many_who_ask_about_one_new_photo_cost_one_row_and_the_first_may_leave(served: Served) -> None:
    hold(served.rig.encoder)
    busy = served.stub.Ask.future(request(9), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    first = served.stub.Ask.future(request(1, "what is number 0?"), timeout=WAIT_S)
    until(lambda: served.rig.waiting_photos == 1)
    calls = [
        served.stub.Ask.future(request(1, f"what is number {number}?"), timeout=WAIT_S)
        for number in range(1, 20)
    ]
    until(lambda: served.rig.shares == [1, 20])
    first.cancel()
    until(lambda: served.rig.shares == [1, 19])
    release(served.rig.encoder)
    responses = [call.result(WAIT_S) for call in calls]
    assert all(one.answers and one.timings.features_cached for one in responses)
    assert busy.result(WAIT_S).answers
    assert served.rig.encoder.batch_sizes == [1, 1]
    assert served.rig.answered_rows == 20


def test_twenty_callers_of_one_new_photo_cost_one_row(served: Served) -> None:
    hold(served.rig.encoder)
    calls = [
        served.stub.Ask.future(request(1, f"what is number {number}?"), timeout=WAIT_S)
        for number in range(20)
    ]
    until(lambda: served.rig.shares == [20])
    release(served.rig.encoder)
    cached = [call.result(WAIT_S).timings.features_cached for call in calls]
    assert cached.count(False) == 1
    assert served.rig.encoded_rows == 1


def test_while_it_stops_it_sends_new_calls_on_answers_the_accepted_ones_and_shuts_its_port_last(
    served: Served,
) -> None:
    served.stub.GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S)
    hold(served.rig.encoder)
    accepted = served.stub.Ask.future(request(1), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    watch = health_stub(served.channel).Watch(health_pb2.HealthCheckRequest(), timeout=4 * WAIT_S)
    stopped = served.server.begin_stop(10 * WAIT_S)
    assert [said.status for said in watch][-1] == UNHEALTHY
    for call, message in (
        (served.stub.Ask, request(2)),
        (served.stub.GetModel, vqa_pb2.GetModelRequest()),
        (served.stub.AskBatch, vqa_pb2.AskBatchRequest(asks=[request(2)])),
    ):
        error = refusal(call, message)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert retry_after_s(error) > 0  # said by the server itself, not by a closed port
    with grpc.insecure_channel(f"127.0.0.1:{served.port}") as newcomer:  # the port still listens
        error = refusal(vqa_pb2_grpc.VqaServiceStub(newcomer).Ask, request(2))
        assert retry_after_s(error) > 0
    assert not stopped.is_set()
    release(served.rig.encoder)
    assert accepted.result(WAIT_S).answers
    assert stopped.wait(WAIT_S)
    with grpc.insecure_channel(f"127.0.0.1:{served.port}") as late:
        error = refusal(vqa_pb2_grpc.VqaServiceStub(late).Ask, request(2))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert isinstance(error, grpc.Call)
        assert rpc_status.from_call(error) is None  # nobody is there


def test_a_port_that_nobody_has_called_for_a_while_is_shut_and_not_before(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asksight.server.core.admission.QUIET_S", 4 * WAIT_S)
    watch = health_stub(served.channel).Watch(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
    assert next(watch).status == HEALTHY
    stopped = served.server.begin_stop(10 * WAIT_S)  # with nobody inside
    assert [said.status for said in watch] == [UNHEALTHY]
    error = refusal(served.stub.Ask, request())
    assert retry_after_s(error) > 0  # the port is still there to say so
    assert not stopped.is_set()
    served.server.stop(0)


@pytest.mark.parametrize("method", ["Ask", "AskBatch", "Converse", "GetModel", "NoSuchMethod"])
def test_who_has_no_token_is_refused_on_its_headers(
    make_served: MakeServed, tmp_path: Path, method: str
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"app {'0' * 64}\n")
    served = make_served(authentication=Authentication(TokenFile(tokens)))
    never = Event()

    def messages() -> Any:
        never.wait(2 * WAIT_S)
        yield b""

    call: grpc.StreamUnaryMultiCallable[bytes, bytes] = served.channel.stream_unary(
        f"/asksight.v1.VqaService/{method}"
    )
    asking = call.future(messages(), timeout=WAIT_S)
    try:
        assert asking.code() is grpc.StatusCode.UNAUTHENTICATED  # though its message has not come
        assert "valid token" in (asking.details() or "")
    finally:
        never.set()
    assert served.rig.left == NOTHING


def test_a_stop_that_fails_shuts_the_port_all_the_same(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: object, ends_s: float) -> None:
        raise OSError(f"no clock for {ends_s}")

    monkeypatch.setattr(Admission, "nobody_comes", fails)
    served.server.stop(0)
    assert "no clock for" in caplog.text
    with grpc.insecure_channel(f"127.0.0.1:{served.port}") as late:
        error = refusal(vqa_pb2_grpc.VqaServiceStub(late).Ask, request(2))
    assert isinstance(error, grpc.Call)
    assert rpc_status.from_call(error) is None  # nobody is there
