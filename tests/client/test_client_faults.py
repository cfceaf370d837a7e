"""Every way in which a server fails, and the exception that comes of it; deadlines and retries."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import grpc
import pytest
from fake_service import Failure, FakeService, bad_field, retry_in, serving
from google.protobuf.duration_pb2 import Duration

from asksight.client import (
    AskCancelledError,
    Client,
    DeadlineError,
    InternalError,
    InvalidAskError,
    ModelNotFoundError,
    OverloadedError,
    PhotoNotFoundError,
    TooLargeError,
    UnavailableError,
    connect,
)
from asksight.client.channel import Balancing
from asksight.client.faults import from_item
from asksight.client.talks import Talk
from asksight.v1 import vqa_pb2

Code = grpc.StatusCode
SLACK_S = 0.5  # gRPC rounds deadlines up on their way


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure(Code.INVALID_ARGUMENT, "Bad.", (bad_field("question"),)), InvalidAskError),
        (Failure(Code.NOT_FOUND, "Gone.", (bad_field("image_id"),)), PhotoNotFoundError),
        (Failure(Code.NOT_FOUND, "Gone."), PhotoNotFoundError),
        (Failure(Code.NOT_FOUND, "No such model.", (bad_field("model"),)), ModelNotFoundError),
        (Failure(Code.RESOURCE_EXHAUSTED, "Too big.", (bad_field("image_data"),)), TooLargeError),
        (Failure(Code.RESOURCE_EXHAUSTED, "Received message larger than max (2 vs. 1)"), TooLargeError),
        (Failure(Code.RESOURCE_EXHAUSTED, "Too many asks are waiting."), OverloadedError),
        (Failure(Code.CANCELLED, "Cancelled."), AskCancelledError),
        (Failure(Code.INTERNAL, "It broke."), InternalError),
        (Failure(Code.UNKNOWN, "Who knows."), InternalError),
        (Failure(Code.DATA_LOSS, "Lost."), InternalError),
    ],
)
def test_a_status_becomes_one_exception_with_the_servers_words(
    client: Client, service: FakeService, failure: Failure, kind: type[Exception]
) -> None:
    service.failures.extend([failure] * 4)  # as often as it is asked
    with pytest.raises(kind) as caught:
        client.ask(b"one", "red?")
    assert type(caught.value) is kind
    assert str(caught.value) == failure.text


def test_the_field_at_fault_is_named(client: Client, service: FakeService) -> None:
    service.failures.append(Failure(Code.INVALID_ARGUMENT, "Bad.", (bad_field("question"),)))
    with pytest.raises(InvalidAskError) as caught:
        client.ask(b"one", "red?")
    assert caught.value.field == "question"


def test_an_overload_that_lasts_longer_than_the_ask_may_take_says_how_long(
    client: Client, service: FakeService
) -> None:
    service.failures.append(Failure(Code.RESOURCE_EXHAUSTED, "Full.", (retry_in(61.25),)))
    with pytest.raises(OverloadedError) as caught:
        client.ask(b"one", "red?")
    assert caught.value.retry_after_s == pytest.approx(61.25)


def test_a_failure_without_words_still_says_something(client: Client, service: FakeService) -> None:
    service.failures.append(Failure(Code.INTERNAL, ""))
    with pytest.raises(InternalError, match="failed with INTERNAL and gave no reason"):
        client.ask(b"one", "red?")


def test_an_ask_has_a_deadline_that_reaches_the_server(client: Client, service: FakeService) -> None:
    left: list[float] = []
    service.before = lambda context: left.append(context.time_remaining())
    client.ask(b"one", "red?")
    client.ask(b"one", "red?", timeout=3.0)
    client.ask_many([(b"one", "red?")])
    client.model()
    assert all(SLACK_S + 3 < one <= 10 + SLACK_S for one in (left[0], left[2], left[3]))
    assert left[1] <= 3 + SLACK_S


class SlowTransport:
    """Each ask takes two seconds of the clock that stands in `now`; it holds no photo that is only named."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timeouts: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        self.timeouts.append(timeout_s)
        self.now += 2
        if request.WhichOneof("image") == "image_id":
            raise PhotoNotFoundError("Gone.")
        return vqa_pb2.AskResponse(image_id=sha256(request.image_data).hexdigest())

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        raise AssertionError("not in these tests")

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        raise AssertionError("not in these tests")

    def talk(self) -> Talk:
        raise AssertionError("not in these tests")

    def close(self) -> None:
        pass


def test_sending_the_photo_again_does_not_begin_the_deadline_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = SlowTransport()
    monkeypatch.setattr("asksight.client.blocking.time", transport)
    client = Client(transport, timeout=5.0)
    client.ask(b"one", "red?")
    client.ask(b"one", "red?")  # by its id, then with the photo
    with pytest.raises(DeadlineError, match="ran out before it could be sent"):
        client.ask(b"one", "red?", timeout=1.0)  # by its id; then no time is left for the photo
    assert transport.timeouts == [5.0, 5.0, 3.0, 1.0]


def test_no_answer_in_time_is_a_deadline_error(client: Client, service: FakeService) -> None:
    let_go = threading.Event()
    service.before = lambda context: let_go.wait(30)
    try:
        with pytest.raises(DeadlineError, match=r"came from .* in time\..* The timeout was 0\.2 s\."):
            client.ask(b"one", "red?", timeout=0.2)
        (outcome,) = client.ask_many([(b"one", "red?")], timeout=0.2)
        assert isinstance(outcome, DeadlineError)
    finally:
        let_go.set()


def test_after_further_tries_the_whole_timeout_is_said(client: Client, service: FakeService) -> None:
    service.failures.append(Failure(Code.RESOURCE_EXHAUSTED, "Full.", (retry_in(0.1),)))
    let_go = threading.Event()
    service.before = lambda context: None if service.failures else let_go.wait(30)
    try:
        with pytest.raises(DeadlineError, match=r"The timeout was 0\.8 s\. Before that: Full\."):
            client.ask(b"one", "red?", timeout=0.8)
    finally:
        let_go.set()


def test_time_without_end_is_allowed(client: Client, service: FakeService) -> None:
    left: list[float | None] = []
    service.before = lambda context: left.append(context.time_remaining())
    client.ask(b"one", "red?", timeout=float("inf"))
    assert left[0] is None or left[0] > 1e6


def test_unavailable_is_retried_with_a_photo_far_over_grpcs_own_retry_buffer(
    client: Client, service: FakeService
) -> None:
    service.failures.extend([Failure(Code.UNAVAILABLE, "Shutting down.")] * 2)
    assert client.ask(b"x" * 3 * 2**20, "red?").answer == "red?"
    assert not service.failures


def test_a_call_that_reached_a_closing_port_is_asked_again(client: Client, service: FakeService) -> None:
    service.failures.append(Failure(Code.CANCELLED, "CANCELLED"))
    assert client.ask(b"one", "red?").answer == "red?"


def test_unavailable_to_the_end_is_said_in_the_servers_words(client: Client, service: FakeService) -> None:
    service.failures.extend([Failure(Code.UNAVAILABLE, "Shutting down.")] * 100)
    with pytest.raises(UnavailableError, match="Shutting down"):
        client.ask(b"one", "red?", timeout=2.5)
    assert len(service.failures) < 96  # more than the four attempts that gRPC makes


def test_what_the_server_failed_on_is_not_retried(client: Client, service: FakeService) -> None:
    service.failures.extend([Failure(Code.INTERNAL, "It broke.")] * 2)
    with pytest.raises(InternalError):
        client.ask(b"one", "red?")
    assert len(service.failures) == 1


@pytest.mark.parametrize("balancing", ["round_robin", "pick_first", "photo"])
def test_no_server_at_all_is_said_with_its_address(balancing: Balancing) -> None:
    with serving(FakeService()) as address:
        pass
    with (
        connect(address, balancing=balancing, wait_for_server=False) as client,
        pytest.raises(UnavailableError, match=rf"No server can be reached at {address} .*asksight serve"),
    ):
        client.ask(b"one", "red?")


def test_a_server_that_comes_back_is_found_again_by_the_same_client(service: FakeService) -> None:
    with serving(service) as address, connect(address) as client:
        client.ask(b"one", "red?")
    port = int(address.rsplit(":", 1)[1])
    with connect(address) as client:
        with pytest.raises((UnavailableError, DeadlineError)):
            client.ask(b"one", "red?", timeout=0.5)
        with serving(service, port=port):
            reply = client.ask(b"one", "red?", timeout=30)
    assert reply.answer == "red?"


def test_another_service_at_the_address_is_told_apart() -> None:
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with (
            connect(f"127.0.0.1:{port}") as client,
            pytest.raises(InternalError, match="is not an AskSight server"),
        ):
            client.ask(b"one", "red?")
    finally:
        server.stop(None).wait()


def test_closing_while_an_ask_is_under_way_ends_it(target: str, service: FakeService) -> None:
    begun = threading.Event()
    let_go = threading.Event()

    def hold(_: grpc.ServicerContext) -> None:
        begun.set()
        let_go.wait(30)

    service.before = hold
    client = connect(target)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.ask, b"one", "red?")
        assert begun.wait(30)
        client.close()
        try:
            assert isinstance(asking.exception(timeout=30), AskCancelledError)
        finally:
            let_go.set()


def test_a_batch_code_that_no_one_knows_is_an_internal_error() -> None:
    assert type(from_item(item(99, "What?"))) is InternalError
    assert type(from_item(item(8, "Too big.", field="image_data"))) is TooLargeError
    assert type(from_item(item(8, "Full."))) is OverloadedError
    assert type(from_item(item(5, "No model.", field="model"))) is ModelNotFoundError


def test_an_overloaded_item_says_when_to_come_back() -> None:
    error = from_item(item(8, "Full.", retry_delay=Duration(seconds=1, nanos=500_000_000)))
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s == 1.5


def item(code: int, message: str, **more: Any) -> vqa_pb2.AskError:
    return vqa_pb2.AskError(code=code, message=message, **more)
