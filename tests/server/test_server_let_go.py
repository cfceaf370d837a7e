"""What was refused is let go of at once: nothing waits for Python to look for cycles with a photo of 16 MiB in them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import FrameType
from typing import Any

import grpc
import httpx
import pytest
from server_rig import WAIT_S, Rig

from asksight.server.access.calls import Desk
from asksight.server.http.gateway import Gateway
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2

LARGE = 100_000  # bytes, and more than anything else that a frame may hold
JUNK = b"\xff\xd8\xff\xe0" + bytes(LARGE)  # as a JPEG begins
EMPTY_ASKS = b"\x0a\x00" * LARGE


@pytest.fixture
def no_search() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> list[str]:
    """Variables of frames, by their functions, that hold something large and are referred to by a cycle alone."""
    frames = [one for one in gc.get_objects() if isinstance(one, FrameType)]
    ours = (one for one in frames if "asksight" in one.f_code.co_filename)
    return [
        f"{frame.f_code.co_qualname}: {name}"
        for frame in ours
        for name, value in frame.f_locals.items()
        if isinstance(value, bytes | bytearray | memoryview) and len(value) >= LARGE
    ]


@pytest.mark.usefixtures("no_search")
def test_what_is_refused_over_grpc_is_not_kept(rig: Rig) -> None:
    junk = vqa_pb2.AskRequest(image_data=JUNK, question="What?").SerializeToString()
    with (
        Server(rig.local, port=0) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        for path, message in (
            ("asksight.v1.VqaService/Ask", junk),
            ("asksight.v1.VqaService/Ask", b"\x0a\xff\xff\xff\x7f" + bytes(LARGE)),
            ("asksight.v1.VqaService/AskBatch", EMPTY_ASKS),
            ("asksight.v1.VqaService/Converse", EMPTY_ASKS),
            ("grpc.health.v1.Health/Check", EMPTY_ASKS),
            ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", EMPTY_ASKS),
            ("inference.GRPCInferenceService/ModelInfer", EMPTY_ASKS),
        ):
            call: Any = channel.stream_stream(f"/{path}")
            with pytest.raises(grpc.RpcError) as refused:
                list(call(iter([message]), timeout=WAIT_S))
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, path
    assert held() == []


@pytest.mark.usefixtures("no_search")
def test_what_is_refused_over_http_is_not_kept(rig: Rig) -> None:
    with (
        Gateway(rig.local, Desk(rig.local.assistant.admission), port=0) as gateway,
        httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=WAIT_S, trust_env=False) as http,
    ):
        for fields in ({"question": "What?"}, {"question": "x" * 2000}, {"no": "such field"}):
            assert http.post("/v1/ask", files={"image": JUNK}, data=fields).status_code == 400
        assert http.post("/v1/ask", json={"question": "?", "imageData": "/9j/" + "A" * LARGE}).is_error
    assert held() == []
