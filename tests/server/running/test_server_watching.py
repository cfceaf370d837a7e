"""What those who watch see: metrics by their names, probes, request ids, and logs without photos or questions."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request

import grpc
import pytest
from photo_files import photo
from prometheus_client.parser import text_string_to_metric_families
from server_rig import WAIT_S, MakeServed, Served

from asksight.server.running.logs import JsonLines
from asksight.server.running.metrics import Metrics
from asksight.server.running.monitoring import MonitoringPort
from asksight.v1 import vqa_pb2


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WAIT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(text: str) -> dict[str, float]:
    """Samples by name and labels, as in `name{a=b}`."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_a_call_leaves_its_marks_under_the_fields_names(make_served: MakeServed) -> None:
    metrics = Metrics()
    served = make_served(observer=metrics)
    metrics.serves("random", served.rig.local.model())
    state = {"live": True, "ready": True}
    faults: list[str] = []
    port = MonitoringPort(
        host="127.0.0.1",
        port=0,
        registry=lambda: metrics.registry,
        live=lambda: state["live"],
        ready=lambda: state["ready"],
        faults=lambda: faults,
    )
    port.start()
    try:
        for question in ("what?", "how many?"):
            served.stub.Ask(vqa_pb2.AskRequest(image_data=photo(), question=question), timeout=WAIT_S)
        with pytest.raises(grpc.RpcError):
            served.stub.Ask(vqa_pb2.AskRequest(question="what?"), timeout=WAIT_S)
        served.server.stop()
        code, text = get(port.port, "/metrics")
        assert code == 200
        seen = values(text)
        labels = "grpc_method=Ask,grpc_service=asksight.v1.VqaService,grpc_type=unary"
        assert seen[f"grpc_server_started_total{{{labels}}}"] == 3
        assert seen[f"grpc_server_handled_total{{grpc_code=OK,{labels}}}"] == 2
        assert seen[f"grpc_server_handled_total{{grpc_code=INVALID_ARGUMENT,{labels}}}"] == 1
        assert seen[f"grpc_server_handling_seconds_count{{{labels}}}"] == 3
        assert seen["asksight_calls_in_flight{}"] == 0
        assert seen["asksight_cache_lookups_total{result=hit}"] == 1
        assert seen["asksight_cache_lookups_total{result=miss}"] == 1
        assert seen["asksight_batch_rows_sum{stage=encoder}"] == 1
        assert seen["asksight_batch_rows_sum{stage=answerer}"] == 2
        assert seen["asksight_queue_wait_seconds_count{stage=answerer}"] == 2
        assert seen["asksight_stage_seconds_count{stage=photo}"] == 2
        assert seen["asksight_cache_photos{}"] == 1
        assert any(name.startswith("asksight_model_info{") for name in seen)
        assert get(port.port, "/livez")[0] == get(port.port, "/readyz")[0] == 200
        faults.append("tokens, line 3: wrong")
        assert get(port.port, "/readyz") == (503, "no\ntokens, line 3: wrong\n")
        assert get(port.port, "/livez")[0] == 200
        faults.clear()
        state["ready"] = False
        assert (get(port.port, "/livez")[0], get(port.port, "/readyz")[0]) == (200, 503)
        assert get(port.port, "/etc/passwd")[0] == 404
    finally:
        port.stop()


def returned_id(served: Served, request: vqa_pb2.AskRequest, given: str) -> str:
    call = served.stub.Ask.future(request, timeout=WAIT_S, metadata=(("x-request-id", given),))
    call.exception(WAIT_S)  # None for the good one
    return str(dict(call.trailing_metadata())["x-request-id"])


def test_the_caller_gets_its_request_id_back_or_a_new_one(served: Served) -> None:
    good = vqa_pb2.AskRequest(image_data=photo(), question="what?")
    bad = vqa_pb2.AskRequest(question="what?")
    for request in (good, bad):
        assert returned_id(served, request, "ask-17") == "ask-17"
        assert len({returned_id(served, request, 'no id: {"a": 1}') for _ in range(2)}) == 2


def test_logs_hold_the_id_and_never_the_question(
    make_served: MakeServed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for asked_for in (False, True):
        caplog.clear()
        served = make_served(log_questions=asked_for)
        served.stub.Ask(
            vqa_pb2.AskRequest(image_data=photo(), question="is my letter private?"),
            timeout=WAIT_S,
            metadata=(("x-request-id", "ask-18"),),
        )
        served.server.stop()
        lines = [JsonLines().format(record) for record in caplog.records]
        (line,) = [json.loads(line) for line in lines if "ask-18" in line]
        assert (line["method"], line["code"]) == ("Ask", "OK")
        assert line["ms"] > 0
        assert ("private" in "".join(lines)) == asked_for
