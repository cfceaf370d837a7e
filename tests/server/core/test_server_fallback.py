"""Why a stage does not run on the plan built for it: told by GetModel and by the metrics, not only by the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from bundles import write_random_bundle
from server_rig import WAIT_S, fake_engine

from asksight.engine import Bundle
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.server.running.bundles import Bundles
from asksight.server.running.metrics import Metrics
from asksight.server.running.settings import Settings
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

SMALL = Limits(encoder_batch=2, answerer_batch=2)


@pytest.fixture
def damaged(tmp_path: Path) -> Bundle:
    """A bundle with a plan of its encoder that has lost its sidecar."""
    made = write_random_bundle(tmp_path / "bundle")
    (made.path / "engines" / "encoder.openvino.bf16.0123456789ab").mkdir(parents=True)
    return made


def fallback(metrics: Metrics, stage: str, reason: str) -> float | None:
    labels = {"served_as": "random", "stage": stage, "reason": reason}
    return metrics.registry.get_sample_value("asksight_engine_fallback", labels)


def test_the_reason_is_in_get_model(damaged: Bundle) -> None:
    with (
        LocalAssistant.open(damaged.path, limits=SMALL, threads=1) as local,
        Server(local, port=0) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        model = stub.GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S)
    assert model.engine == "onnxruntime"
    (note,) = model.engine_notes
    assert note.startswith("encoder: The plan encoder.openvino.bf16.0123456789ab is not taken: sidecar.json")
    assert note.endswith("Compile the bundle again.")


def test_the_reason_is_in_the_metrics_in_a_word(damaged: Bundle) -> None:
    metrics = Metrics()
    with LocalAssistant(limits=SMALL, observer=metrics) as local:
        Bundles(Settings(model=(f"random={damaged.path}",), engine="auto", threads=1), local, metrics)
    assert fallback(metrics, "encoder", "damaged") == 1
    assert fallback(metrics, "encoder", "missing") == 0
    assert fallback(metrics, "answerer", "damaged") == 0


def test_what_is_no_longer_so_is_no_longer_said(bundle: Bundle, damaged: Bundle) -> None:
    metrics = Metrics()
    with LocalAssistant.open(damaged.path, limits=SMALL, threads=1) as local:
        before = local.model()
    metrics.serves("random", before)
    now = replace(before, fallbacks=(), engine="openvino+onnxruntime")
    metrics.serves("random", now)
    metrics.serves("random", now)
    assert fallback(metrics, "encoder", "damaged") == 0
    info = [
        (sample.labels["engine"], sample.value)
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "asksight_model_info"
    ]
    assert info == [("onnxruntime", 0), ("openvino+onnxruntime", 1)]


def test_given_engines_have_nothing_to_be_said_of_them(bundle: Bundle) -> None:
    encoder, answerer = (fake_engine(path) for path in (bundle.encoder_path, bundle.answerer_path))
    with LocalAssistant.of(bundle, encoder=encoder, answerer=answerer) as local:
        assert local.model().fallbacks == ()
