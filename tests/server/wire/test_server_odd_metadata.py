"""Metadata as no gRPC library sends it: what is optional is as if it had not come, and nothing ends the server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from raw_http2 import RawHttp2
from server_rig import MakeRig
from token_lines import line

from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.running.repeated import Repeated
from asksight.server.wire import accepting
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

GET_MODEL = b"/asksight.v1.VqaService/GetModel"
CHECK = b"/grpc.health.v1.Health/Check"
GOOD, TOO_LARGE, UNKNOWN, BROKEN, NO_TOKEN = "0", "8", "12", "13", "16"
TOKEN = (b"authorization", b"Bearer right")
ODD = (
    b"\xff\xfe",
    "ü€".encode(),
    b"a\x01b",
    b"a\x7fb",
    b"a\nb",
    b"",
    b" ",
    b"a" * 15_000,
    b"a, b",
    b"\xff=1",
)


@contextmanager
def serving(make_rig: MakeRig, folder: Path) -> Iterator[Server]:
    (folder / "tokens").write_text(line("app", "right"))
    authentication = Authentication(TokenFile(folder / "tokens"))
    with Server(make_rig().local, port=0, authentication=authentication) as server:
        yield server


def test_what_is_optional_is_dropped_and_what_is_needed_is_refused(make_rig: MakeRig, tmp_path: Path) -> None:
    with serving(make_rig, tmp_path) as server, RawHttp2(server.port) as raw:
        for name in (
            *(
                b"x-request-id",
                b"tracestate",
                b"traceparent",
                b"baggage",
                b"x-forwarded-for",
                b"asksight-image-id",
            ),
            *(b"user-agent", b"cookie", b"grpc-accept-encoding", b"lb-token", b"x-anything"),
        ):
            for value in ODD:
                stream = raw.call(GET_MODEL, TOKEN, (name, value))
                assert raw.statuses[stream][0] == GOOD, (name, value, raw.statuses[stream])
                assert len(raw.trailers[stream]["x-request-id"]) == 32  # one of ours
        for size in (17_000, 60_000):
            status, said = raw.statuses[raw.call(GET_MODEL, TOKEN, (b"x-request-id", b"a" * size))]
            assert (status, "size exceeds" in said) == (TOO_LARGE, True), said
        for value in ODD:
            assert raw.statuses[raw.call(GET_MODEL, (b"authorization", value))][0] == NO_TOKEN, value
            assert raw.statuses[raw.call(GET_MODEL, (b"authorization", b"Bearer " + value))][0] == NO_TOKEN, (
                value
            )
        for name, value in (
            (b"x-bin", b"/w=="),
            (b"x-bin", b"/w"),
            (b"x-bin", b""),
            (b"grpc-trace-bin", b"AAA"),
        ):
            assert raw.statuses[raw.call(GET_MODEL, TOKEN, (name, value))][0] == GOOD, (name, value)
        for name, value in (
            (b"x-bin", b"!!"),
            (b"x-bin", b"\xff"),
            (b"X-Up", b"a"),
            (b"x y", b"a"),
            (b"x-\xff", b"a"),
        ):
            status, said = raw.statuses[raw.call(GET_MODEL, TOKEN, (name, value))]
            assert status == BROKEN, (name, value)
            assert name.decode("latin-1") in said
        assert raw.statuses[raw.call(GET_MODEL, TOKEN)][0] == GOOD


@pytest.mark.parametrize("as_grpcio_does", [False, True])
def test_a_method_that_is_not_known_is_refused_and_one_whose_name_is_no_text_ends_nobody(
    make_rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_grpcio_does: bool
) -> None:
    monkeypatch.setattr(accepting, "HAS_ALL", not as_grpcio_does)  # as with a grpcio whose insides are others
    with serving(make_rig, tmp_path) as server:
        paths = [
            b"/asksight.v1.VqaService/Buy",
            b"/x",
            b"x",
            b"",
            "/ü/ü".encode(),
            b"/asksight.v1.VqaService/ask",
        ]
        paths += (
            []
            if as_grpcio_does
            else [b"/\xff/x", b"\xff", b"/asksight.v1.VqaService/Ask\xff", b"/" + b"\xfe" * 3000]
        )
        with RawHttp2(server.port) as raw:
            for path in paths:
                assert raw.statuses[raw.call(path)][0] == NO_TOKEN, path
                status, said = raw.statuses[raw.call(path, TOKEN)]
                assert status == UNKNOWN, path
                assert said
            assert raw.statuses[raw.call(CHECK)][0] == GOOD
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:  # a new connection is let in
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            wanted = vqa_pb2.GetModelRequest()
            assert stub.GetModel(wanted, metadata=(("authorization", "Bearer right"),), timeout=30).name


def test_grpcs_word_on_odd_metadata_is_one_line_without_the_bytes() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        b"Bearer secret\xff".decode()
    told = (caught.type, caught.value, caught.tb)
    said = (b"Bearer secret\xff",)
    record = logging.LogRecord(
        "grpc._cython.cygrpc", logging.ERROR, "", 0, "Invalid encoding on %s", said, told
    )
    assert Repeated().filter(record)
    assert "secret" not in logging.Formatter().format(record)
    assert "\n" not in logging.Formatter().format(record)
