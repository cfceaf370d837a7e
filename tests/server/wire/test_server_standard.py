"""Health and reflection under strangers who need no token: one message a call, and not too many who watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server_rig import WAIT_S, Rig, until

from asksight.server.wire import standard
from asksight.server.wire.server import Server


@pytest.fixture
def port(rig: Rig) -> Iterator[int]:
    with Server(rig.local, port=0) as server:
        yield server.port


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_a_second_message_is_refused(port: int, method: str) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.stream_stream(f"/grpc.health.v1.Health/{method}", request_serializer=bytes)
        with pytest.raises(grpc.RpcError) as refused:
            list(call(iter([b"", b""]), timeout=WAIT_S))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_one_address_may_have_a_quarter_of_those_who_watch(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard, "MOST_WATCHES", 8)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch
        watches = [watch(health_pb2.HealthCheckRequest(), timeout=WAIT_S) for _ in range(2)]
        for one in watches:
            next(one)
        with pytest.raises(grpc.RpcError) as refused:
            next(watch(health_pb2.HealthCheckRequest(), timeout=WAIT_S))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        watches[0].cancel()

        def has_room() -> bool:
            try:
                next(watch(health_pb2.HealthCheckRequest(), timeout=WAIT_S))
            except grpc.RpcError:
                return False
            return True

        until(has_room)


def test_compressed_messages_are_not_taken(port: int) -> None:
    wanted = health_pb2.HealthCheckRequest(service="a" * 5000)
    with grpc.insecure_channel(f"127.0.0.1:{port}", compression=grpc.Compression.Gzip) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Check(wanted, timeout=WAIT_S)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
