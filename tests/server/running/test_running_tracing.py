"""`asksight serve --tracing` tells an OpenTelemetry collector of every call, as part of the caller's own trace."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from bundles import write_random_bundle
from grpc_health.v1 import health_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from photo_files import photo
from server_rig import health_stub
from serving_process import WAIT_S, serving

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

ASK = "asksight.v1.VqaService/Ask"
WATCH = "grpc.health.v1.Health/Watch"
CONVERSE = "asksight.v1.VqaService/Converse"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps (service, span) of what is sent to it."""

    def __init__(self) -> None:
        self.spans: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def Export(self, request: Any, context: object) -> Any:  # noqa: N802 (gRPC's name)
        for of_one in request.resource_spans:
            names = {one.key: one.value.string_value for one in of_one.resource.attributes}
            for scope in of_one.scope_spans:
                for span in scope.spans:
                    self.spans.put((names["service.name"], span))
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collecting = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    add: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server  # it has no types
    add(collecting, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # milliseconds, instead of five seconds
    yield collecting
    server.stop(0)


def test_every_ask_is_a_span_of_its_callers_trace(collector: Collector, tmp_path: Path) -> None:
    model = write_random_bundle(tmp_path / "random").path
    good = vqa_pb2.AskRequest(image_data=photo(), question="what is this?")
    refused = vqa_pb2.AskRequest(image_data=b"no photo", question="what is this?")
    with serving("--model", model, "--tracing", "--drain-grace", "0") as (process, address, log):
        with grpc.insecure_channel(address) as channel:
            watched = health_stub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
            assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
            watched.cancel()
            assert WATCH in collector.spans.get(timeout=WAIT_S)[1].name
            stub: Any = vqa_pb2_grpc.VqaServiceStub(channel)
            stub.Ask(good, timeout=WAIT_S, metadata=[("traceparent", f"00-{TRACE}-{CALLER}-01")])
            with pytest.raises(grpc.RpcError):
                stub.Ask(refused, timeout=WAIT_S)
            start = vqa_pb2.ConversationStart(image_data=photo())
            question = vqa_pb2.ConversationQuestion(id=1, question="what is this?")
            messages = [vqa_pb2.ConverseRequest(start=start), vqa_pb2.ConverseRequest(question=question)]
            assert [said.id for said in stub.Converse(iter(messages), timeout=WAIT_S)] == [1]
        told = sorted(
            (collector.spans.get(timeout=WAIT_S) for _ in range(3)),
            key=lambda one: int(one[1].start_time_unix_nano),
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0, log.read_text()
    assert [(service, span.name.lstrip("/")) for service, span in told] == [
        ("asksight", ASK),
        ("asksight", ASK),
        ("asksight", CONVERSE),
    ]
    first, second, third = (span for _, span in told)
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, CALLER)
    assert second.trace_id.hex() != TRACE
    codes = [
        {one.key: one.value for one in span.attributes}["rpc.grpc.status_code"].int_value
        for span in (first, second, third)
    ]
    assert codes == [0, grpc.StatusCode.INVALID_ARGUMENT.value[0], 0]
    assert all(b"what is this" not in span.SerializeToString() for span in (first, second, third))
