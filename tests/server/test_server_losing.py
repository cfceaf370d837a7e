"""An engine that is lost: who asks is sent away with a delay, a new engine is opened, and then asks are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest
from fake_cuda import FakeDriver, GraphProgram
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status
from numpy.typing import NDArray
from photo_files import photo
from server_rig import WAIT_S, fake_engine, health_stub, hold, release, until

from asksight.client import connect
from asksight.engine import Bundle, EngineError, EngineLostError, FakeEngine
from asksight.engine.cuda_error import CudaError
from asksight.engine.device_thread import DeviceThread
from asksight.engine.pick import Chosen
from asksight.engine.tensorrt_engine import TensorRtEngine
from asksight.server.answering import MOST_FAILED_REOPENINGS, Answering
from asksight.server.assistant import Assistant
from asksight.server.batcher import Batcher
from asksight.server.batching import BatchLimits
from asksight.server.errors import Reopening, Unavailable
from asksight.server.limits import Limits
from asksight.server.observer import Observer
from asksight.server.patience import Patience
from asksight.server.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

LOST = EngineLostError("The card was lost.")


def pixels_for(encoder: FakeEngine) -> NDArray[Any]:
    (image,) = encoder.spec.inputs
    return np.zeros([size or 1 for size in image.shape[1:]], image.dtype)


class Shop:
    """Opens encoders and answerers; an encoder's opening can be held, or fail."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.encoders: list[FakeEngine] = []
        self.open_now = Event()
        self.open_now.set()
        self.broken = False

    def encoder(self) -> Chosen:
        assert self.open_now.wait(WAIT_S)
        if self.broken:
            raise EngineError("There is no card.")
        self.encoders.append(fake_engine(self._bundle.encoder_path))
        return Chosen(engine=self.encoders[-1])

    def answerer(self) -> Chosen:
        return Chosen(engine=fake_engine(self._bundle.answerer_path))


@pytest.fixture
def shop(bundle: Bundle) -> Iterator[Shop]:
    made = Shop(bundle)
    yield made
    made.open_now.set()
    for encoder in made.encoders:
        release(encoder)


class Kept(Assistant):
    """An assistant that opens its engines in a shop."""

    def __init__(self, bundle: Bundle, shop: Shop) -> None:
        self._prepare(Limits(), Observer())
        self._answering = Answering(
            bundle,
            open_encoder=shop.encoder,
            open_answerer=shop.answerer,
            limits=self.limits,
            observer=self._observer,
            on_health=self._health_changed,
        )


@pytest.fixture
def kept(bundle: Bundle, shop: Shop) -> Iterator[Kept]:
    made = Kept(bundle, shop)
    yield made
    made.close(timeout_s=WAIT_S)


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


def test_over_the_wire_it_is_unavailable_with_a_delay_until_a_new_engine_answers(
    shop: Shop, kept: Kept
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Server({"random": kept}, port=0))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{server.port}"))
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        assert ask(stub, 1).answers
        shop.open_now.clear()
        shop.encoders[0].failure = LOST
        for seed in (2, 3):  # the one whose batch it was, and one that comes while the engine is opened anew
            with pytest.raises(grpc.RpcError) as refusal:
                ask(stub, seed)
            assert_sent_away(refusal.value)
        assert not kept.healthy
        shop.open_now.set()
        until(lambda: kept.healthy)
        assert ask(stub, 2).answers
        check = health_pb2.HealthCheckRequest()
        until(lambda: health_stub(channel).Check(check).status == health_pb2.HealthCheckResponse.SERVING)
    assert [engine.closed for engine in shop.encoders] == [True, False]


def test_the_shipped_client_comes_back_by_itself_and_is_answered(
    shop: Shop, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reopening, "retry_after_s", 1.0)  # the client tries three times more
    shop.encoders[0].failure = LOST
    with Server({"random": kept}, port=0) as server, connect(f"127.0.0.1:{server.port}") as client:
        assert client.ask(photo(seed=4), "what is this?", timeout=WAIT_S).answers
    assert len(shop.encoders) == 2


def test_a_card_that_loses_its_context_is_unavailable_for_a_while_and_then_answers(
    bundle: Bundle,
) -> None:
    driver = FakeDriver()
    device = DeviceThread(driver)
    graph = fake_engine(bundle.encoder_path)

    def on_the_card() -> Chosen:
        program = partial(GraphProgram, driver, graph)
        return Chosen(engine=TensorRtEngine(device, program, precision="fp16", max_batch=4))

    shop = Shop(bundle)
    shop.encoder = on_the_card  # type: ignore[method-assign]
    with ExitStack() as stack:
        stack.callback(device.close)
        kept = Kept(bundle, shop)
        stack.callback(kept.close, timeout_s=WAIT_S)
        server = stack.enter_context(Server({"random": kept}, port=0))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{server.port}"))
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        assert ask(stub, 1).answers
        driver.failure = CudaError("cuMemcpyHtoDAsync", "an illegal memory access was encountered")
        driver.fail_in = "cuMemcpyHtoDAsync"
        with pytest.raises(grpc.RpcError) as refusal:
            ask(stub, 2)
        assert_sent_away(refusal.value)
        until(lambda: kept.healthy)
        assert ask(stub, 2).answers
    assert driver.contexts == 2


def test_what_waits_behind_a_lost_engine_is_sent_away_too(shop: Shop, kept: Kept) -> None:
    encoder = shop.encoders[0]
    hold(encoder)
    batcher = kept._answering._encoder
    pixels = pixels_for(encoder)
    first = batcher.submit(pixels, Patience())
    assert encoder.entered.wait(WAIT_S)
    second = batcher.submit(pixels, Patience())
    encoder.failure = LOST
    release(encoder)
    for row in (first, second):
        with pytest.raises(Reopening):
            row.result(WAIT_S)
    until(lambda: kept.healthy)
    assert batcher.submit(pixels, Patience()).result(WAIT_S).size


def test_where_no_engine_can_be_opened_only_a_new_process_helps(bundle: Bundle) -> None:
    def reopen() -> Callable[[object], list[int]]:
        raise EngineError("There is no card.")

    def run(items: object) -> list[int]:
        raise LOST

    batcher = Batcher[int, int]("doubler", run, limits=BatchLimits(), reopen=reopen, probe_every_s=0.005)
    with pytest.raises(Reopening):
        batcher.submit(1, Patience()).result(WAIT_S)
    until(lambda: batcher.failed_reopenings >= MOST_FAILED_REOPENINGS)
    assert not batcher.healthy
    with pytest.raises(Reopening):
        batcher.check_room(Patience())
    assert batcher.close(timeout_s=WAIT_S)
    with pytest.raises(Unavailable):
        batcher.submit(1, Patience())


def test_an_assistant_that_cannot_open_its_engine_says_that_it_is_stuck(shop: Shop, kept: Kept) -> None:
    assert not kept.stuck
    kept._answering._encoder.failed_reopenings = MOST_FAILED_REOPENINGS
    assert kept.stuck


def test_given_engines_are_taken_again_when_they_were_lost(bundle: Bundle) -> None:
    encoder, answerer = (fake_engine(path) for path in (bundle.encoder_path, bundle.answerer_path))
    with Assistant(bundle, encoder=encoder, answerer=answerer) as assistant:
        encoder.failure = LOST
        batcher = assistant._answering._encoder
        pixels = pixels_for(encoder)
        with pytest.raises(Reopening):
            batcher.submit(pixels, Patience()).result(WAIT_S)
        until(lambda: assistant.healthy)
        encoder.failure = None
        assert batcher.submit(pixels, Patience()).result(WAIT_S).size
        assert not encoder.closed
