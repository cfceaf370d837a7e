"""The Open Inference Protocol goes through the doors of `Ask`: tokens, rates, room, and a stop."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from asking import refusal
from server_rig import NOTHING, WAIT_S, MakeServed, Served, hold, release, until
from tensor_rig import PHOTOS, QUESTIONS, SERVICE, asked, infer, method, output
from token_lines import line

from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.limits import Limits
from asksight.server.open_inference import inference_messages as messages
from asksight.server.running.metrics import Metrics


def test_it_goes_through_the_doors_of_ask(make_served: MakeServed, tmp_path: Path) -> None:
    file, metrics = tmp_path / "tokens", Metrics()
    file.write_text(line("app", "secret", "0.5"))
    served = make_served(observer=metrics, authentication=Authentication(TokenFile(file)))
    live = method(served.channel, "ServerLive")(messages.ServerLiveRequest(), timeout=WAIT_S)
    ready = method(served.channel, "ServerReady")(messages.ServerReadyRequest(), timeout=WAIT_S)
    assert live.live
    assert ready.ready
    for name in ("ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer"):
        wanted = getattr(messages, f"{name}Request")()
        error = refusal(method(served.channel, name), wanted)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    sent = (("authorization", "Bearer secret"), ("x-request-id", "mine"))
    batch = asked(image=[PHOTOS[0]] * 10, question=QUESTIONS[:1] * 10)
    response, call = method(served.channel, "ModelInfer").with_call(batch, timeout=WAIT_S, metadata=sent)
    assert len(output(response, "spoken")[1]) == 10
    assert ("x-request-id", "mine") in [tuple(one) for one in call.trailing_metadata()]
    with pytest.raises(grpc.RpcError, match=r"More than 0.5 asks a second") as refused:  # asks are counted
        infer(served.channel, batch, metadata=sent)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    labels = {"grpc_service": SERVICE, "grpc_method": "ModelInfer", "grpc_type": "unary", "grpc_code": "OK"}
    until(lambda: metrics.registry.get_sample_value("grpc_server_handled_total", labels) == 1)


def test_a_full_server_says_when_to_come_back_and_who_leaves_gives_its_places_back(
    make_served: MakeServed,
) -> None:
    served = make_served(Limits(queue_capacity=3))
    call = method(served.channel, "ModelInfer")
    hold(served.rig.encoder)
    inside = call.future(asked(image=PHOTOS[:2], question=QUESTIONS[:2]), timeout=WAIT_S)
    until(lambda: served.rig.left["asks"] == 2)
    error = refusal(call, asked(image=[PHOTOS[2]] * 2, question=QUESTIONS[:2]))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # at once, though the first of its two had room
    assert "Element 1: Too many asks" in str(error.details())
    assert "grpc-retry-pushback-ms" in [one.key for one in error.trailing_metadata() or ()]
    until(lambda: served.rig.left["asks"] == 2)
    inside.cancel()
    # A photo that came too late for the batch that is held goes when the next one is closed.
    until(lambda: served.rig.left | {"rows": 0} == NOTHING)
    release(served.rig.encoder)
    until(lambda: served.rig.left == NOTHING)
    assert output(infer(served.channel, asked(image=PHOTOS[:1], question=["a"])), "spoken")[1]


def test_it_is_not_ready_once_it_is_to_stop(served: Served) -> None:
    ready = method(served.channel, "ServerReady")
    served.server.announce_stop()
    until(lambda: not ready(messages.ServerReadyRequest(), timeout=WAIT_S).ready)
    assert method(served.channel, "ServerLive")(messages.ServerLiveRequest(), timeout=WAIT_S).live
