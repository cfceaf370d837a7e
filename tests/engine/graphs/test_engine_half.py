"""Float16 graphs: the same answers, float32 outside, and float32 inside where numbers are too large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bundles import random_answerer
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asksight.engine import load_bundle
from asksight.engine.bundle.samples import made_up_samples
from asksight.engine.graphs.half import beyond_half, half_graph
from asksight.engine.plans.parity import question_batches
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

PHOTO = {"image": np.full((2, 2), 3.0, np.float32)}


def chain(factor: float) -> onnx.ModelProto:
    """image [N,2] times a factor, halved to within -1 to 1 again, so that only the middle is large."""
    weights = [
        numpy_helper.from_array(np.full((1,), value, np.float32), name)
        for name, value in {"up": factor, "down": 1 / factor}.items()
    ]
    nodes = [
        helper.make_node("Mul", ["image", "up"], ["large"], name="enlarge"),
        helper.make_node("Mul", ["large", "down"], ["small"], name="reduce"),
        helper.make_node("Tanh", ["small"], ["features"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("image", "features")
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, path: Path, arrays: Any) -> NDArray[Any]:
    onnx.save(model, path)
    engine = OnnxRuntimeEngine(path, max_batch=64)
    return next(iter(engine.infer(arrays).values()))  # the scores come first


def test_layers_that_leave_the_range_stay_float32_by_name(tmp_path: Path) -> None:
    wanted = run(chain(30000.0), tmp_path / "float.onnx", PHOTO)
    half, kept = half_graph(chain(30000.0), [PHOTO])
    assert kept == ("enlarge", "reduce")
    np.testing.assert_allclose(run(half, tmp_path / "half.onnx", PHOTO), wanted, rtol=2e-3)


def test_ordinary_layers_become_float16(tmp_path: Path) -> None:
    half, kept = half_graph(chain(2.0), [PHOTO])
    assert kept == ()
    assert {weight.data_type for weight in half.graph.initializer} == {TensorProto.FLOAT16}
    assert half.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert half.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT


@pytest.mark.parametrize("factor", [1e6, float("inf")])
def test_weights_that_float16_cannot_hold_are_found_without_samples(factor: float) -> None:
    assert "enlarge" in beyond_half(chain(factor), [])


def test_the_answerer_of_a_bundle_answers_the_same(tmp_path: Path) -> None:
    bundle = load_bundle("scenes")
    samples = made_up_samples(bundle, photos=4, questions=32)
    features = np.random.default_rng(1).normal(size=(4, *bundle.feature_shape)).astype(np.float32)
    (batch,) = question_batches(bundle, samples, features, 32)
    wanted = run(onnx.load(bundle.answerer_path), tmp_path / "float.onnx", batch)
    half, _ = half_graph(onnx.load(bundle.answerer_path), [batch])
    got = run(half, tmp_path / "half.onnx", batch)
    assert np.abs(got - wanted).max() <= 0.02 * np.abs(wanted).max()


def test_a_graph_without_names_is_converted_too(tmp_path: Path) -> None:
    model = onnx.load_from_string(random_answerer(np.random.default_rng(0)))
    half, _ = half_graph(model, [])
    assert all(node.name for node in half.graph.node)
