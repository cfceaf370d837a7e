"""Weights that are left in their file while a session is made: which, that the answers stay, and that none is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from asksight.engine.graphs.graph import DamagedGraphError
from asksight.engine.runtimes import onnxruntime_engine
from asksight.engine.runtimes.mapped_weights import mappings, without_weights
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

SIDE, KERNELS, FEATURES = 8, 16, 24
NAMES = {"kernel", "dense"}
Model = tuple[list[onnx.NodeProto], dict[str, Any]]


@pytest.fixture(autouse=True)
def _every_weight_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asksight.engine.runtimes.mapped_weights.LEAST_BYTES", 64)
    monkeypatch.setattr(onnxruntime_engine, "LIGHT_BYTES", 0)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each session is made from, a path or a model."""
    made: list[Any] = []
    session = onnxruntime.InferenceSession

    def recorded(model: Any, *given: Any, **named: Any) -> Any:
        made.append(model)
        return session(model, *given, **named)

    monkeypatch.setattr(onnxruntime, "InferenceSession", recorded)
    return made


def convolving() -> Model:
    """x [N, 3, 8, 8] → y [N, 24]: a convolution, a dense layer, and a sum that no kernel packs."""
    random = np.random.default_rng(0)
    weights = {
        "kernel": random.normal(size=(KERNELS, 3, 3, 3)).astype(np.float32),
        "dense": random.normal(size=(KERNELS * (SIDE - 2) ** 2, FEATURES)).astype(np.float32),
        "added": random.normal(size=FEATURES).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["seen"]),
        helper.make_node("Flatten", ["seen"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["mixed"]),
        helper.make_node("Add", ["mixed", "added"], ["y"]),
    ]
    return nodes, weights


def save(path: Path, model: Model, *, graph_name: str = "test") -> Path:
    nodes, weights = model
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", FEATURES])
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, graph_name, [x], [y], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


def left_out(model: bytes) -> dict[str, dict[str, str]]:
    parsed = onnx.load_model_from_string(model)
    return {
        one.name: {pair.key: pair.value for pair in one.external_data}
        for one in parsed.graph.initializer
        if one.data_location == TensorProto.EXTERNAL
    }


def test_weights_that_are_packed_are_left_out_with_their_place(tmp_path: Path) -> None:
    nodes, weights = convolving()
    path = save(tmp_path / "graph.onnx", (nodes, weights))
    model = without_weights(path)
    assert model is not None
    places = left_out(model)
    assert set(places) == NAMES
    data = path.read_bytes()
    for name, place in places.items():
        start, size = int(place["offset"]), int(place["length"])
        assert place["location"] == "graph.onnx"
        assert data[start : start + size] == weights[name].tobytes()
    whole, light = onnx.load(path), onnx.load_model_from_string(model)
    assert light.graph.node == whole.graph.node
    assert [one.dims for one in light.graph.initializer] == [one.dims for one in whole.graph.initializer]


# The name's length moves all weights: to places that are multiples of four, and to those that are not.
@pytest.mark.parametrize("graph_name", ["test", "test1", "test12", "test123"])
def test_the_answers_are_those_of_the_whole_file(
    tmp_path: Path, sessions: list[Any], graph_name: str
) -> None:
    path = save(tmp_path / "graph.onnx", convolving(), graph_name=graph_name)
    x = np.random.default_rng(1).normal(size=(5, 3, SIDE, SIDE)).astype(np.float32)
    light = OnnxRuntimeEngine(path, threads=2)
    assert [type(model) for model in sessions] == [bytes]
    assert mappings(path) == 0
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (whole,) = session.run(None, {"x": x})
    path.write_bytes(b"another")
    np.testing.assert_array_equal(light.infer({"x": x})["y"], whole)


def test_a_session_that_would_keep_a_weight_mapped_is_made_from_the_whole_file(
    tmp_path: Path, sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asksight.engine.runtimes.mapped_weights.PACKING", frozenset({"Add"}))
    path = save(tmp_path / "graph.onnx", convolving())
    engine = OnnxRuntimeEngine(path, threads=2)
    assert [type(model) for model in sessions] == [bytes, str]
    assert mappings(path) == 0
    assert engine.infer({"x": np.ones((2, 3, SIDE, SIDE), np.float32)})["y"].shape == (2, FEATURES)


def test_a_session_that_cannot_be_made_so_is_made_from_the_whole_file(
    tmp_path: Path, sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime_engine, "without_weights", lambda path: b"nonsense")
    engine = OnnxRuntimeEngine(save(tmp_path / "graph.onnx", convolving()))
    assert sessions == [b"nonsense", str(tmp_path / "graph.onnx")]
    assert engine.spec.outputs[0].shape == (None, FEATURES)


def test_light_graphs_are_made_from_the_whole_file(
    tmp_path: Path, sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime_engine, "LIGHT_BYTES", 1 << 20)
    path = save(tmp_path / "graph.onnx", convolving())
    OnnxRuntimeEngine(path, threads=2)
    assert sessions == [str(path)] * 2


def test_an_onnx_runtime_that_looks_in_the_wrong_folder_gets_the_whole_file(
    tmp_path: Path, sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", "1.20.1")
    path = save(tmp_path / "graph.onnx", convolving())
    OnnxRuntimeEngine(path, threads=2)
    assert sessions == [str(path)]


def other_reader() -> Model:
    nodes, weights = convolving()
    nodes[3:] = [
        helper.make_node("ReduceSum", ["kernel"], ["total"], keepdims=0),
        helper.make_node("Add", ["mixed", "total"], ["y"]),
    ]
    return nodes, weights


def branch() -> Model:
    nodes, weights = convolving()
    one = helper.make_tensor_value_info("z", TensorProto.FLOAT, [KERNELS * (SIDE - 2) ** 2, FEATURES])
    body = helper.make_graph([helper.make_node("Identity", ["dense"], ["z"])], "branch", [], [one])
    chosen = helper.make_node("If", ["yes"], ["again"], then_branch=body, else_branch=body)
    return [*nodes, chosen], {**weights, "yes": np.array(True)}


def other_domain() -> Model:
    nodes, weights = convolving()
    nodes[2] = helper.make_node("MatMul", ["flat", "dense"], ["mixed"], domain="com.example")
    return nodes, weights


@pytest.mark.parametrize(
    ("model", "names"), [(other_reader, {"dense"}), (branch, set()), (other_domain, {"kernel"})]
)
def test_what_something_else_may_read_stays(tmp_path: Path, model: Any, names: set[str]) -> None:
    light = without_weights(save(tmp_path / "graph.onnx", model()))
    assert (set() if light is None else set(left_out(light))) == names


def test_other_systems_and_small_weights_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "graph.onnx", convolving())
    monkeypatch.setattr("asksight.engine.runtimes.mapped_weights.LEAST_BYTES", 1 << 20)
    assert without_weights(path) is None
    monkeypatch.setattr("asksight.engine.runtimes.mapped_weights.LEAST_BYTES", 64)
    monkeypatch.setattr("asksight.engine.runtimes.mapped_weights.MAPS", tmp_path / "none")
    assert without_weights(path) is None


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "graph.onnx", convolving())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedGraphError):
        without_weights(path)
