"""Other engines take imported models: OpenVINO answers as transformers does, TensorRT-RTX builds plans of them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from published_models import difference, expected, imported, photo_batch, published, question_batch

from asksight.engine import Bundle
from asksight.engine.graphs.graph import read_header
from asksight.engine.graphs.half import half_graph
from asksight.engine.plans.openvino_build import build_openvino
from asksight.engine.plans.profiles import profiles
from asksight.engine.plans.tensorrt_build import build_tensorrt
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.engine.runtimes.openvino_engine import OpenVinoEngine
from asksight.training.importing.blip import import_blip


@pytest.fixture(scope="module", params=["blip-even", "vilt-small"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bundle(name: str, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp(name)
    source = published(folder / "published", name)
    if name == "blip-even":  # each piece takes seconds to compile
        return import_blip(source, folder / "bundle", beams=2, pieces=3)
    return imported(source, folder / "bundle", name)


def test_openvino_answers_as_transformers_does(bundle: Bundle, name: str, tmp_path: Path) -> None:
    for stage in ("encoder", "answerer"):
        build_openvino(bundle.path / f"{stage}.onnx", tmp_path / f"{stage}.xml", "float32", [])
    with closing(OpenVinoEngine(tmp_path / "encoder.xml", precision="float32")) as encoder:
        features = encoder.infer(photo_batch(bundle, name))["features"]
    with closing(OpenVinoEngine(tmp_path / "answerer.xml", precision="float32")) as answerer:
        given = answerer.infer(question_batch(bundle, name, features))
    assert difference(name, given) < 1e-4


def test_tensorrt_builds_plans(bundle: Bundle, name: str, tmp_path: Path) -> None:
    photos = photo_batch(bundle, name)
    with closing(OnnxRuntimeEngine(bundle.encoder_path)) as engine:
        features = engine.infer(photos)["features"]
    questions = question_batch(bundle, name, features)
    for path, sample in ((bundle.encoder_path, photos), (bundle.answerer_path, questions)):
        plan = tmp_path / f"{path.stem}.engine"
        sizes = profiles(read_header(path).inputs, max_batch=8, max_tokens=bundle.max_tokens)
        kept = build_tensorrt(path, plan, "fp16", [sample], profiles=sizes)
        assert plan.stat().st_size > 1000
        # Of all in float16 only the sums over the whole vocabulary are not.
        sums = path.stem == "answerer" and bundle.spelling is not None
        assert bool(kept) == sums
        assert all("cls.predictions" in node for node in kept)


def test_sums_over_the_vocabulary_stay_exact_in_float16(tmp_path: Path) -> None:
    """The graph in float16, run: its log-probabilities are still near float32's."""
    name = "blip-even"
    bundle = imported(published(tmp_path / "published", name), tmp_path / "bundle", name)
    asked = question_batch(bundle, name, expected(name)["features"])
    half, kept = half_graph(onnx.load(bundle.answerer_path), [asked])
    operators = {node.name: node.op_type for node in half.graph.node}
    assert {operators[node] for node in kept} == {"Sub", "Exp", "ReduceSum", "Log", "Neg", "ReduceMax"}
    session = onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
    scores = session.run(["log_probabilities"], asked)[0][:, :, 0]
    np.testing.assert_allclose(
        np.exp(scores), np.exp(expected(name)["log_probabilities"][:, :, 0]), atol=0.02
    )
