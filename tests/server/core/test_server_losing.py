"""An engine that is lost: who asks is sent away with a delay, a new engine is opened, and then asks are answered."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import grpc
import pytest
from fake_cuda import FakeDriver, GraphProgram
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status
from photo_files import photo
from server_rig import WAIT_S, Rig, Served, Shop, fake_engine, health_stub, hold, release, until

from asksight.client import connect
from asksight.engine import Bundle, EngineLostError
from asksight.engine.plans.pick import Chosen
from asksight.engine.runtimes.cuda_error import CudaError
from asksight.engine.runtimes.device_thread import DeviceThread
from asksight.engine.runtimes.tensorrt_engine import TensorRtEngine
from asksight.server.asks import Ask
from asksight.server.core.batcher import MOST_FAILED_REOPENINGS
from asksight.server.errors import Reopening
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

LOST = EngineLostError("The card was lost.")


def an_ask(seed: int) -> Ask:
    return Ask(question="what is this?", photo=photo(seed=seed))


def ask(stub: vqa_pb2_grpc.VqaServiceStub, seed: int) -> vqa_pb2.AskResponse:
    request = vqa_pb2.AskRequest(image_data=photo(seed=seed), question="what is this?")
    return stub.Ask(request, timeout=WAIT_S)


def assert_sent_away(error: grpc.RpcError) -> None:
    assert isinstance(error, grpc.Call)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "lost and is being opened anew. Ask again in 2.0 seconds" in (error.details() or "")
    status = rpc_status.from_call(error)
    assert status is not None
    (packed,) = status.details
    retry = error_details_pb2.RetryInfo()
    assert packed.Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 2000
    # What gRPC's own retries wait for.
    assert ("grpc-retry-pushback-ms", "2000") in [
        (one.key, one.value) for one in error.trailing_metadata() or ()
    ]


def test_over_the_wire_it_is_unavailable_with_a_delay_until_a_new_engine_answers(served: Served) -> None:
    shop, stub = served.rig.shop, served.stub
    assert ask(stub, 1).answers
    shop.open_now.clear()
    shop.encoders[0].failure = LOST
    for seed in (2, 3):  # the one whose batch it was, and one that comes while the engine is opened anew
        with pytest.raises(grpc.RpcError) as refusal:
            ask(stub, seed)
        assert_sent_away(refusal.value)
    assert not served.rig.local.healthy
    shop.open_now.set()
    until(lambda: served.rig.local.healthy)
    assert ask(stub, 2).answers
    check = health_pb2.HealthCheckRequest()
    assert health_stub(served.channel).Check(check).status == health_pb2.HealthCheckResponse.SERVING
    assert [engine.closed for engine in shop.encoders] == [True, False]


def test_the_shipped_client_comes_back_by_itself_and_is_answered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reopening, "retry_after_s", 1.0)  # the client tries three times more
    served.rig.encoder.failure = LOST
    with connect(f"127.0.0.1:{served.port}") as client:
        assert client.ask(photo(seed=4), "what is this?", timeout=WAIT_S).answers
    assert len(served.rig.shop.encoders) == 2


def test_a_card_that_loses_its_context_is_unavailable_for_a_while_and_then_answers(
    bundle: Bundle,
) -> None:
    driver = FakeDriver()
    device = DeviceThread(driver)
    graph = fake_engine(bundle.encoder_path)

    def on_the_card() -> Chosen:
        program = partial(GraphProgram, driver, graph)
        return Chosen(engine=TensorRtEngine(device, program, precision="fp16", max_batch=4))

    with ExitStack() as stack:
        stack.callback(device.close)
        local = stack.enter_context(LocalAssistant())
        local.add_engines(bundle, on_the_card, Shop(bundle).answerer)
        server = stack.enter_context(Server(local, port=0))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{server.port}"))
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        assert ask(stub, 1).answers
        driver.failure = CudaError("cuMemcpyHtoDAsync", "an illegal memory access was encountered")
        driver.fail_in = "cuMemcpyHtoDAsync"
        with pytest.raises(grpc.RpcError) as refusal:
            ask(stub, 2)
        assert_sent_away(refusal.value)
        until(lambda: local.healthy)
        assert ask(stub, 2).answers
    assert driver.contexts == 2


def test_what_waits_behind_a_lost_engine_is_sent_away_too(rig: Rig) -> None:
    hold(rig.encoder)
    first = rig.local.start(an_ask(1))
    assert rig.encoder.entered.wait(WAIT_S)
    second = rig.local.start(an_ask(2))
    until(lambda: rig.waiting_photos == 1)
    rig.encoder.failure = LOST
    release(rig.encoder)
    for future in (first, second):
        with pytest.raises(Reopening):
            future.result(WAIT_S)
    until(lambda: rig.local.healthy)
    assert rig.local.ask(an_ask(1)).answers


def test_where_no_engine_can_be_opened_only_a_new_process_helps(rig: Rig) -> None:
    """Real seconds between two tries: the model takes the batcher's own."""
    assert not rig.assistant.models.stuck
    rig.look(lambda: setattr(rig.model.encoder, "failed_reopenings", MOST_FAILED_REOPENINGS))
    assert rig.assistant.models.stuck


def test_given_engines_are_taken_again_when_they_were_lost(bundle: Bundle) -> None:
    encoder, answerer = (fake_engine(path) for path in (bundle.encoder_path, bundle.answerer_path))
    with LocalAssistant.of(bundle, encoder=encoder, answerer=answerer) as local:
        encoder.failure = LOST
        with pytest.raises(Reopening):
            local.ask(an_ask(1))
        until(lambda: local.healthy)
        encoder.failure = None
        assert local.ask(an_ask(1)).answers
        assert not encoder.closed
