"""What a port says beside its answers: health, reflection, how it opens and how it drains."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from asking import refusal, request
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from raw_http2 import RawHttp2
from server_rig import WAIT_S, MakeServed, Served, health_stub, hold, release, until

from asksight.server.core.batching import FailureStreak
from asksight.server.errors import ServerError
from asksight.server.local import LocalAssistant
from asksight.server.wire.addresses import join
from asksight.server.wire.receiving import Receiving
from asksight.server.wire.server import Server

HEALTHY = health_pb2.HealthCheckResponse.SERVING
UNHEALTHY = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE = "asksight.v1.VqaService"


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health_follows_the_engine_and_says_goodbye(served: Served, service: str) -> None:
    stub = health_stub(served.channel)
    asked = health_pb2.HealthCheckRequest(service=service)
    assert stub.Check(asked, timeout=WAIT_S).status == HEALTHY
    watch: Iterator[health_pb2.HealthCheckResponse] = stub.Watch(asked, timeout=2 * WAIT_S)
    assert next(watch).status == HEALTHY
    served.rig.answerer.failure = RuntimeError("broken")
    for _ in range(FailureStreak.TOO_MANY):
        refusal(served.stub.Ask, request())
    assert next(watch).status == UNHEALTHY
    assert stub.Check(asked, timeout=WAIT_S).status == UNHEALTHY
    served.rig.answerer.failure = None
    assert served.stub.Ask(request(), timeout=WAIT_S).answers
    assert next(watch).status == HEALTHY
    served.server.stop()
    assert [said.status for said in watch] == [UNHEALTHY]  # and then the stream ends


def test_health_of_an_unknown_service_is_not_found(served: Served) -> None:
    error = refusal(health_stub(served.channel).Check, health_pb2.HealthCheckRequest(service="other"))
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_reflection_lists_and_describes_the_service(served: Served) -> None:
    database = ProtoReflectionDescriptorDatabase(served.channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
    described = database.FindFileContainingSymbol(SERVICE)
    assert [method.name for method in described.service[0].method] == [
        "Ask",
        "AskBatch",
        "Converse",
        "GetModel",
    ]


def test_reflection_is_there_as_v1_too_which_newer_clients_ask_first(served: Served) -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    call: Any = served.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    (said,) = list(call(iter([asked]), timeout=WAIT_S))
    services = reflection_pb2.ServerReflectionResponse.FromString(said).list_services_response.service
    assert SERVICE in {one.name for one in services}


def test_a_drain_answers_what_was_accepted_and_ends_at_once_when_idle(served: Served) -> None:
    watch = health_stub(served.channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == HEALTHY  # an open stream must not hold up the drain
    hold(served.rig.encoder)
    accepted = [served.stub.Ask.future(request(seed), timeout=WAIT_S) for seed in range(5)]
    until(lambda: served.server.calls == 5)
    stopping = served.server.begin_stop(10 * WAIT_S)
    assert next(watch).status == UNHEALTHY
    assert not stopping.is_set()
    release(served.rig.encoder)
    assert all(call.result(WAIT_S).answers for call in accepted)
    assert stopping.wait(WAIT_S)


def test_after_its_grace_a_drain_cancels_what_is_left(served: Served) -> None:
    hold(served.rig.encoder)
    stuck = served.stub.Ask.future(request(), timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    served.server.stop(0.05)
    assert stuck.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def test_an_address_that_cannot_be_had_is_one_line(served: Served) -> None:
    for host, port, words in [
        ("127.0.0.1", served.port, "in use"),
        ("localhost", served.port, "in use"),
        ("127.0.0.1", 99_999, "no port 99999"),
        ("127.0.0.1", -1, "no port -1"),
        ("192.0.2.1", 0, "Cannot listen"),
        ("no such host", 0, "Check the host's name"),
    ]:
        with pytest.raises(ServerError, match=words) as refused:
            Server(served.rig.local, host=host, port=port).start()
        assert "\n" not in str(refused.value)


def test_a_port_without_permission_is_one_line(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("asksight.server.wire.addresses.socket.socket.bind", bind)
    with pytest.raises(ServerError, match=r"No permission to listen on 127\.0\.0\.1:80"):
        Server(served.rig.local, port=80).start()


def test_a_server_without_a_model_is_refused() -> None:
    with LocalAssistant() as local, pytest.raises(ServerError, match="no model"):
        Server(local)


def test_connections_beyond_the_bound_are_closed_and_the_others_go_on(make_served: MakeServed) -> None:
    served = make_served(connections=2)
    assert served.stub.Ask(request(), timeout=WAIT_S).answers
    with RawHttp2(served.port) as second:
        second.go_on(0.1)
        with socket.create_connection(("127.0.0.1", served.port), timeout=WAIT_S) as third:
            assert third.recv(1) == b""
        assert served.stub.Ask(request(), timeout=WAIT_S).answers
    until(lambda: answers_newcomers(served.port))


def answers_newcomers(port: int) -> bool:
    with suppress(AssertionError, OSError), RawHttp2(port) as newcomer:  # it may be hung up on still
        newcomer.begin(0, 0, path="/nowhere")
        newcomer.go_on(0.05)
        return bool(newcomer.statuses)
    return False


def test_nothing_of_what_fails_while_a_message_is_read_is_told(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*_: object) -> bytes:
        raise OSError("Too many open files: '/proc/self/fd'")

    monkeypatch.setattr(Receiving, "message", failing)
    error = refusal(served.stub.Ask, request())
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == "The server failed on this ask. Its log says why."
    assert "Too many open files" in caplog.text


def test_an_address_of_ipv6_has_brackets_before_its_port() -> None:
    assert join("::", 50051) == "[::]:50051"
    assert join("0.0.0.0", 50051) == "0.0.0.0:50051"
