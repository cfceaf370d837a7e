"""A replica without a cluster: what Ray is handed for each call, on Ray's own context."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
import pytest
from bundles import write_random_bundle
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from photo_files import photo
from ray.serve.grpc_util import RayServegRPCContext
from tensor_rig import asked, output
from token_lines import line
from waiting import until

from asksight.server.open_inference import inference_messages as tensors
from asksight.server.ray_serve import haproxy_mode
from asksight.server.ray_serve.replica import Outcome, Replica, _calls_per_caller, deadline_of
from asksight.server.running.settings import Settings
from asksight.v1 import vqa_pb2

TOKEN = ("authorization", "Bearer good")
MOST = 16 << 20


class GrpcContext:
    """What Ray reads of gRPC's own context."""

    def __init__(self, *metadata: tuple[str, str]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:50000"

    def __getattr__(self, name: str) -> Any:
        return {"auth_context": dict, "trailing_metadata": tuple}.get(name, lambda: None)


def context(*metadata: tuple[str, str]) -> RayServegRPCContext:
    return RayServegRPCContext(GrpcContext(*metadata))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("replica")
    (folder / "tokens").write_text(line("app", "good"))
    bundle = write_random_bundle(folder / "random").path
    return Settings(
        model=(str(bundle),), tokens=str(folder / "tokens"), metrics=0, workers=2, threads=1, watch=False
    )


@pytest.fixture(scope="module")
def replica(settings: Settings) -> Iterator[Replica]:
    with pytest.MonkeyPatch.context() as patched:
        # It is a process's own: its logs, and what the garbage collector looks at.
        patched.setattr("asksight.server.ray_serve.replica.set_up_logs", lambda *_, **__: Quiet())
        patched.setattr("gc.freeze", lambda: None)
        made = Replica(asdict(settings))
    yield made
    made.__del__()


class Quiet:
    dropped = 0


def called(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    return asyncio.run(work)


def details(told: RayServegRPCContext) -> list[Any]:
    status: Any = dict(told.trailing_metadata())["grpc-status-details-bin"]
    return list(status_pb2.Status.FromString(status).details)


def ask(**given: Any) -> bytes:
    return vqa_pb2.AskRequest(**{"question": "what is this?", **given}).SerializeToString()


def test_an_ask_is_answered(replica: Replica) -> None:
    told = context(TOKEN, ("x-request-id", "mine"))
    outcome = called(replica.Ask(ask(image_data=photo()), told))
    assert vqa_pb2.AskResponse.FromString(outcome.SerializeToString()).answers
    assert told.code() is None
    assert ("x-request-id", "mine") in told.trailing_metadata()


def test_a_batch_and_the_model_are_answered(replica: Replica) -> None:
    batch = vqa_pb2.AskBatchRequest(asks=[vqa_pb2.AskRequest(image_data=photo(), question="what?")] * 2)
    outcome = called(replica.AskBatch(batch.SerializeToString(), context(TOKEN)))
    assert len(vqa_pb2.AskBatchResponse.FromString(outcome.message).results) == 2
    model = called(replica.GetModel(b"", context(TOKEN)))
    assert vqa_pb2.GetModelResponse.FromString(model.message).name == "random"


def test_an_error_is_set_on_rays_context_with_its_details(replica: Replica) -> None:
    told = context(TOKEN)
    outcome = called(replica.Ask(ask(image_id="a" * 64), told))
    assert outcome.message == b""
    assert told.code() is grpc.StatusCode.NOT_FOUND
    assert "Send the photo itself" in told.details()
    violation = error_details_pb2.BadRequest()
    assert details(told)[0].Unpack(violation)
    assert violation.field_violations[0].field == "image_id"


@pytest.mark.parametrize("message", [b"\xff\xff", b"\x0a\x7f"])
def test_a_malformed_message_is_the_callers_fault(replica: Replica, message: bytes) -> None:
    told = context(TOKEN)
    called(replica.Ask(message, told))
    assert told.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_that_a_proxy_let_through_has_our_limit(replica: Replica) -> None:
    told = context(TOKEN)
    called(replica.Ask(bytes(MOST + 1), told))
    assert told.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"at most {MOST}" in told.details()


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer bad"),)])
def test_a_token_is_needed_but_for_health(replica: Replica, metadata: tuple[tuple[str, str], ...]) -> None:
    for method in (replica.Ask, replica.AskBatch, replica.GetModel):
        told = context(*metadata)
        assert called(method(b"", told)).message == b""
        assert told.code() is grpc.StatusCode.UNAUTHENTICATED
    told = context(*metadata)
    health = health_pb2.HealthCheckResponse.FromString(called(replica.Check(b"", told)).message)
    assert health.status == health_pb2.HealthCheckResponse.SERVING


def test_tensors_are_answered_as_asks_are(replica: Replica) -> None:
    request = asked(image=[photo()], question=["what is this?"])
    outcome = called(replica.ModelInfer(request.SerializeToString(), context(TOKEN)))
    plain = vqa_pb2.AskResponse.FromString(
        called(replica.Ask(ask(image_data=photo()), context(TOKEN))).message
    )
    labels = output(tensors.ModelInferResponse.FromString(outcome.message), "labels")[1]
    assert labels == [one.label.encode() for one in plain.answers]
    named = tensors.ModelMetadataRequest(name="random").SerializeToString()
    metadata = called(replica.ModelMetadata(named, context(TOKEN))).message
    assert list(tensors.ModelMetadataResponse.FromString(metadata).versions) == ["1"]
    ready = called(replica.ModelReady(named, context(TOKEN))).message
    assert tensors.ModelReadyResponse.FromString(ready).ready
    server = called(replica.ServerMetadata(b"", context(TOKEN))).message
    assert tensors.ServerMetadataResponse.FromString(server).name == "asksight"


def test_a_tensor_that_is_wrong_is_named(replica: Replica) -> None:
    told = context(TOKEN)
    called(replica.ModelInfer(asked(question=["what?"]).SerializeToString(), told))
    assert told.code() is grpc.StatusCode.INVALID_ARGUMENT
    violation = error_details_pb2.BadRequest()
    assert details(told)[0].Unpack(violation)
    assert violation.field_violations[0].field == "image"


def test_tensors_need_a_token_and_the_protocols_health_needs_none(replica: Replica) -> None:
    for method in (replica.ModelInfer, replica.ModelMetadata, replica.ModelReady, replica.ServerMetadata):
        told = context()
        assert called(method(b"", told)).message == b""
        assert told.code() is grpc.StatusCode.UNAUTHENTICATED
    live = called(replica.ServerLive(b"", context())).message
    assert tensors.ServerLiveResponse.FromString(live).live
    ready = called(replica.ServerReady(b"", context())).message
    assert tensors.ServerReadyResponse.FromString(ready).ready
    told = context()
    called(replica.ServerReady(b"\xff", told))
    assert told.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_bundles_are_read_again_and_one_that_is_refused_changes_nothing(
    replica: Replica, settings: Settings
) -> None:
    manifest = Path(settings.model[0]) / "bundle.json"
    before = manifest.read_text("utf-8")
    try:
        manifest.write_text(json.dumps({**json.loads(before), "version": "2"}), "utf-8")
        assert asyncio.run(replica.reload()) == ["random 2"]
        answer = called(replica.Ask(ask(image_data=photo()), context(TOKEN))).message
        assert vqa_pb2.AskResponse.FromString(answer).model == "random 2"
        manifest.write_text("not a bundle", "utf-8")
        assert asyncio.run(replica.reload()) == ["random 2"]
    finally:
        manifest.write_text(before, "utf-8")
        asyncio.run(replica.reload())


def test_health_of_an_unknown_service_is_not_found(replica: Replica) -> None:
    told = context()
    called(replica.Check(health_pb2.HealthCheckRequest(service="abc").SerializeToString(), told))
    assert told.code() is grpc.StatusCode.NOT_FOUND
    told = context()
    called(replica.Check(b"\xff", told))
    assert told.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_what_is_too_much_is_told_when_to_come_back(replica: Replica) -> None:
    admission = replica._local.assistant.admission
    admission.calls += 2  # as many as its workers
    try:
        told = context(TOKEN)
        called(replica.Ask(ask(image_data=photo()), told))
    finally:
        admission.calls -= 2
    assert told.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    retry = error_details_pb2.RetryInfo()
    assert details(told)[0].Unpack(retry)
    assert "grpc-retry-pushback-ms" in dict(told.trailing_metadata())


def test_the_deadline_comes_as_metadata(replica: Replica) -> None:
    told = context(TOKEN, ("asksight-timeout-ms", "0"))
    called(replica.Ask(ask(image_data=photo(seed=7)), told))
    assert told.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("value", ["", "-1", "1.5", "²", "9" * 13, "soon"])
def test_what_is_no_timeout_is_none(value: str) -> None:
    assert deadline_of([("asksight-timeout-ms", value)]) is None
    assert deadline_of([("asksight-timeout-ms", "1000")]) is not None


def test_a_call_that_ray_cancels_is_cancelled_in_the_assistant(replica: Replica) -> None:
    admission = replica._local.assistant.admission

    async def leave() -> None:
        calling = asyncio.ensure_future(replica.Ask(ask(image_data=photo(seed=8)), context(TOKEN)))
        while not admission.calls:
            await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    asyncio.run(leave())
    until(lambda: not admission.calls)


def test_behind_haproxy_callers_without_a_token_are_not_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _calls_per_caller(Settings()) == 128
    monkeypatch.setenv(haproxy_mode.SWITCH, "1")
    assert _calls_per_caller(Settings()) is None
    assert _calls_per_caller(Settings(tokens="tokens")) == 128


def test_replicas_on_one_machine_take_ports_of_metrics_in_turn(replica: Replica) -> None:
    assert replica._monitoring is not None
    taken = replica._monitoring.port
    second = replica._watched(taken, lambda: None)
    try:
        assert taken < second.port < taken + 32
    finally:
        second.stop()


def test_ray_replaces_a_replica_whose_engine_hangs_for_good(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica.check_health()
    monkeypatch.setattr(type(replica._local.assistant), "stuck", property(lambda _: True))
    with pytest.raises(Exception, match="hangs"):
        replica.check_health()


def test_what_does_not_open_is_raised_and_ends_quietly(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("asksight.server.ray_serve.replica.set_up_logs", lambda *_, **__: Quiet())
        with pytest.raises(Exception, match="nothing"):
            Replica(asdict(Settings(model=(str(tmp_path / "none"),))))
