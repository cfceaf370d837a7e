"""Messages on their way: refused on their headers, bounded in bytes by caller and in all, and in time."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from asking import request
from raw_http2 import RawHttp2
from server_rig import WAIT_S, MakeRig, MakeServed, Served, hold, release, until
from token_lines import line

from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.limits import MEBI, Limits
from asksight.server.wire.receiving import AHEAD_BYTES
from asksight.server.wire.server import Server
from asksight.server.wire.tcp_bytes import TcpBytes
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

TIME_OUT, TOO_MUCH, UNAVAILABLE, NOT_KNOWN = "4", "8", "14", "16"


Connect = Callable[[int], RawHttp2]


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(RawHttp2(port))


@contextmanager
def serving(make_rig: MakeRig, *, tokens: Path | None = None, **limits: Any) -> Iterator[Server]:
    rig = make_rig(limits=replace(Limits(), **limits))
    authentication = Authentication(TokenFile(tokens)) if tokens is not None else None
    with Server(rig.local, port=0, authentication=authentication) as server:
        yield server


def answers(port: int, token: str = "") -> bool:
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        return bool(stub.Ask(request(), timeout=WAIT_S, metadata=metadata).answers)


def test_a_stranger_is_refused_on_the_headers_and_hardly_a_byte_of_the_message_is_taken(
    connect: Connect, make_rig: MakeRig, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_text(line("app", "right"))
    with serving(make_rig, tokens=tmp_path / "tokens") as server:
        raw = connect(server.port)
        raw.begin(0, 0, token="wrong")  # headers alone
        raw.until_ended(1)
        raw.begin(15 * MEBI, 15 * MEBI)
        raw.until_ended(2)
        assert {code for code, _ in raw.statuses.values()} == {NOT_KNOWN}
        assert raw.bytes_sent <= AHEAD_BYTES
        assert answers(server.port, "right")


def test_one_callers_half_sent_messages_end_when_they_are_too_many_bytes_and_others_are_answered(
    connect: Connect, make_rig: MakeRig, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_text(line("greedy", "one") + line("other", "two"))
    with serving(make_rig, tokens=tmp_path / "tokens", receiving_bytes=8 * MEBI) as server:
        raw = connect(server.port)
        for _ in range(6):
            raw.begin(15 * MEBI, 2 * MEBI, token="one")  # 12 MiB in all, and 4 are one caller's half
        raw.until_ended(4)
        assert {code for code, _ in raw.statuses.values()} == {TOO_MUCH}
        assert answers(server.port, "two")
        assert answers(server.port, "one")


def test_all_together_may_have_no_more_than_is_taken(
    connect: Connect, make_rig: MakeRig, tmp_path: Path
) -> None:
    names = [f"caller{number}" for number in range(4)]
    (tmp_path / "tokens").write_text("".join(line(name, name) for name in names))
    with serving(make_rig, tokens=tmp_path / "tokens", receiving_bytes=8 * MEBI) as server:
        raws = []
        for name in names:
            raws.append(connect(server.port))
            raws[-1].begin(15 * MEBI, 3 * MEBI, token=name)  # less than the half of one

        def one_has_ended() -> bool:
            for raw in raws:
                raw.go_on(0.05)
            return any(raw.statuses for raw in raws)

        until(one_has_ended)
        for raw in raws:
            raw.go_on(0.3)
        ended = [status for raw in raws for status in raw.statuses.values()]
        assert 1 <= len(ended) <= 3  # 12 MiB, of which 8 may stay
        assert {code for code, _ in ended} == {TOO_MUCH}
        assert answers(server.port, names[0])


def test_a_message_that_stalls_ends_after_the_stated_time(connect: Connect, make_rig: MakeRig) -> None:
    with serving(make_rig, receive_within_s=0.3) as server:
        raw = connect(server.port)
        raw.begin(1000, 10)
        raw.begin(1000, 10, path="/grpc.health.v1.Health/Check")
        raw.begin(1000, 10, path="/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        raw.until_ended(3)
        assert {code for code, _ in raw.statuses.values()} == {TIME_OUT}
        assert all("0.3 seconds" in message for _, message in raw.statuses.values())
        assert answers(server.port)


def test_so_many_messages_may_be_on_their_way_and_a_quarter_of_them_one_callers(
    connect: Connect, make_rig: MakeRig
) -> None:
    with serving(make_rig, receiving=8) as server:
        raw = connect(server.port)
        for _ in range(3):
            raw.begin(1000, 10)
        raw.until_ended(1)
        raw.go_on(0.1)
        assert [code for code, _ in raw.statuses.values()] == [TOO_MUCH]
        raw.close()
        until(lambda: answers_or_not(server.port))


def answers_or_not(port: int) -> bool:
    try:
        return answers(port)
    except grpc.RpcError:
        return False


def test_slow_messages_of_long_lived_connections_are_no_more_than_they_are(
    connect: Connect, make_rig: MakeRig
) -> None:
    """Whole messages that came by the same connection count no more."""
    with serving(make_rig, receiving_bytes=4 * MEBI) as server:
        raw = connect(server.port)
        slow = raw.begin(1000, 10)
        for number in range(8):
            raw.begin(MEBI, MEBI)  # whole, and no message that could be answered
            raw.until_ended(number + 1)
        raw.go_on(0.3)
        assert slow not in raw.statuses


def test_calls_that_are_refused_for_want_of_room_are_refused_on_their_headers(
    connect: Connect,
    make_served: MakeServed,
) -> None:
    served = make_served(calls=1)
    hold(served.rig.encoder)
    first = served.stub.Ask.future(request(), timeout=WAIT_S)
    until(lambda: served.server.calls == 1)
    raw = connect(served.port)
    raw.begin(15 * MEBI, 15 * MEBI)
    raw.until_ended(1)
    assert [code for code, _ in raw.statuses.values()] == [TOO_MUCH]
    assert raw.bytes_sent <= AHEAD_BYTES
    release(served.rig.encoder)
    assert first.result(WAIT_S).answers


def test_what_is_on_its_way_when_the_server_stops_is_told_so(connect: Connect, served: Served) -> None:
    raw = connect(served.port)
    raw.begin(1000, 10)
    raw.go_on(0.05)
    stopped = served.server.begin_stop(WAIT_S)
    raw.until_ended(1)
    assert [code for code, _ in raw.statuses.values()] == [UNAVAILABLE]
    assert stopped.wait(WAIT_S)


def test_a_call_without_a_message_is_told_so(served: Served) -> None:
    call: Any = served.channel.stream_unary("/asksight.v1.VqaService/Ask")
    with pytest.raises(grpc.RpcError) as refused:
        call(iter(()), timeout=WAIT_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "without a message" in str(refused.value.details())


def test_the_kernel_counts_what_came_from_a_peer(connect: Connect, served: Served) -> None:
    raw = connect(served.port)
    host, port = raw._socket.getsockname()
    count = TcpBytes()
    until(lambda: (count.received(f"ipv4:{host}:{port}") or 0) > 24)  # HTTP/2's preface
    before = count.received(f"ipv4:{host}:{port}")
    raw.begin(1000, 500)
    raw.go_on(0.05)
    after = count.received(f"ipv4:{host}:{port}")
    assert before is not None
    assert after is not None
    assert after - before > 500
    assert count.received("ipv4:127.0.0.1:1") is None
    assert count.received("unix:/somewhere") is None


def test_the_kernel_is_asked_without_a_descriptor_too(
    connect: Connect, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: str) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files", "/proc/self/fd")

    host, port = connect(served.port)._socket.getsockname()
    monkeypatch.setattr(os, "listdir", none_left)
    count = TcpBytes()
    until(lambda: (count.received(f"ipv4:{host}:{port}") or 0) > 24)


def test_an_ipv4_caller_of_an_ipv6_port_is_found_and_a_search_that_took_long_is_not_soon_again() -> None:
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as port,
        socket.create_connection(("127.0.0.1", port.getsockname()[1])) as first,
        port.accept()[0],
    ):
        # The first search has worked for a second when it ends at 10: there is none before 30.
        times, worked = iter([0.0, 0.0, 10.0, 11.0, 31.0, 40.0]), iter([1.0, 2.0, 2.0, 3.0])
        count = TcpBytes(lambda: next(times), lambda: next(worked))
        assert count.received(f"ipv4:127.0.0.1:{first.getsockname()[1]}") == 0
        with (
            socket.create_connection(("127.0.0.1", port.getsockname()[1])) as second,
            port.accept()[0],
        ):
            peer = f"ipv6:%5B::ffff:127.0.0.1%5D:{second.getsockname()[1]}"
            assert count.received(peer) is None  # at 11
            assert count.received(peer) == 0


def test_an_empty_batch_of_sixteen_megabytes_is_counted_before_it_is_parsed(served: Served) -> None:
    message = b"\x0a\x00" * (4 * MEBI)
    call: Any = served.channel.unary_unary("/asksight.v1.VqaService/AskBatch")
    with pytest.raises(grpc.RpcError) as refused:
        call(message, timeout=WAIT_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "more than 256 asks" in str(refused.value.details())
    ask = vqa_pb2.AskRequest(question="x").SerializeToString() + b"\x20\x05" * MEBI
    for path, many in (("Ask", ask), ("AskBatch", b"\x0a" + _varint(len(ask)) + ask)):
        call = served.channel.unary_unary(f"/asksight.v1.VqaService/{path}")
        with pytest.raises(grpc.RpcError) as refused:
            call(many, timeout=WAIT_S)
        assert "more than 64 fields" in str(refused.value.details())


def test_asks_are_counted_not_calls(make_rig: MakeRig, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(line("slow", "one", "0.5"))
    with (
        serving(make_rig, tokens=tmp_path / "tokens") as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        metadata = (("authorization", "Bearer one"),)
        batch = vqa_pb2.AskBatchRequest(asks=[request(seed) for seed in range(10)])
        assert len(stub.AskBatch(batch, timeout=WAIT_S, metadata=metadata).results) == 10
        with pytest.raises(grpc.RpcError) as refused:
            stub.Ask(request(), timeout=WAIT_S, metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        seconds = float(str(refused.value.details()).rsplit("in ", 1)[1].split()[0])
        assert 15 < seconds <= 20  # ten asks, half of one a second


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
