"""ONNX Runtime behind the engine protocol: what it computes, what it refuses, what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bundles import ANSWERS, DIMENSION, FEATURES, random_answerer, random_encoder
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asksight.engine import Engine, EngineError, EngineSpec, TensorSpec
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.engine.runtimes.warm import warm_up


@pytest.fixture
def encoder(tmp_path: Path) -> OnnxRuntimeEngine:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(random_encoder(np.random.default_rng(0)))
    return OnnxRuntimeEngine(path, max_batch=4, threads=1)


@pytest.fixture
def answerer(tmp_path: Path) -> OnnxRuntimeEngine:
    path = tmp_path / "answerer.onnx"
    path.write_bytes(random_answerer(np.random.default_rng(0)))
    return OnnxRuntimeEngine(path, max_batch=4, threads=1)


def photos(count: int) -> NDArray[Any]:
    return np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)


def asked(count: int, tokens: int = 5) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(1)
    return {
        "question": random.normal(size=(count, tokens, DIMENSION)).astype(np.float32),
        "lengths": np.full(count, min(3, tokens), np.int32),
        "features": random.normal(size=(count, FEATURES)).astype(np.float32),
    }


def save(path: Path, node: Any, inputs: list[Any], output: Any, weights: Any = ()) -> Path:
    graph = helper.make_graph([node], "test", inputs, [output], list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_the_spec_is_the_graph_s_with_free_axes_none(encoder: Engine, answerer: Engine) -> None:
    f32 = np.dtype(np.float32)
    assert encoder.spec == EngineSpec(
        inputs=(TensorSpec(name="image", shape=(None, 32, 32, 3), dtype=np.dtype(np.uint8)),),
        outputs=(TensorSpec(name="features", shape=(None, FEATURES), dtype=f32),),
        max_batch=4,
    )
    assert answerer.spec.inputs[0] == TensorSpec(name="question", shape=(None, None, DIMENSION), dtype=f32)
    assert answerer.spec.outputs[0].shape == (None, len(ANSWERS))
    assert (encoder.name, encoder.precision) == ("onnxruntime", "float32")


def test_a_row_is_the_same_in_any_batch(encoder: Engine) -> None:
    batch = encoder.infer({"image": photos(4)})["features"]
    assert batch.shape == (4, FEATURES)
    for row, photo in zip(batch, photos(4), strict=True):
        np.testing.assert_allclose(encoder.infer({"image": photo[None]})["features"][0], row, atol=1e-6)


def test_what_one_thread_does_at_once_is_left_to_one_and_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(random_encoder(np.random.default_rng(0)))
    # Two looks at the clock a run: rows run once each, three times: 1, 2 and 4 rows take 1, 2 and 4 ms.
    looks = iter([at for rows in (1, 2, 4) for _ in range(3) for at in (0.0, rows * 0.001)])
    monkeypatch.setattr("asksight.engine.runtimes.onnxruntime_engine.time.perf_counter", lambda: next(looks))
    engine = OnnxRuntimeEngine(path, max_batch=8, threads=2)
    assert engine._alone_rows == 2
    monkeypatch.undo()
    used: list[str] = []

    def recorded(name: str) -> Any:
        session = vars(engine)[name]

        def run(*given: Any) -> Any:
            used.append(name)
            return session.run(*given)

        return SimpleNamespace(run=run)

    for name in ("_alone", "_session"):
        monkeypatch.setattr(engine, name, recorded(name))
    one, three = (engine.infer({"image": photos(3)[:count]})["features"] for count in (1, 3))
    assert used == ["_alone", "_session"]
    np.testing.assert_allclose(one[0], three[0], atol=1e-6)


def test_a_graph_that_one_thread_takes_long_for_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(random_encoder(np.random.default_rng(0)))
    monkeypatch.setattr("asksight.engine.runtimes.onnxruntime_engine.ALONE_S", 0.0)
    assert OnnxRuntimeEngine(path, threads=2)._alone_rows == 0
    monkeypatch.setattr("asksight.engine.runtimes.onnxruntime_engine.LIGHT_BYTES", 0)
    assert OnnxRuntimeEngine(path, threads=2)._alone is None
    assert OnnxRuntimeEngine(path, threads=1)._alone is None


def test_large_photos_run_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(random_encoder(np.random.default_rng(0), side=224))
    engine = OnnxRuntimeEngine(path, max_batch=8, threads=1)
    assert engine.spec.slice_rows == 4
    session, counts = vars(engine)["_session"], list[int]()

    def run(outputs: Any, arrays: Any) -> Any:
        counts.append(len(arrays["image"]))
        return session.run(outputs, arrays)

    monkeypatch.setattr(engine, "_session", SimpleNamespace(run=run))
    image = np.random.default_rng(3).integers(0, 256, (7, 224, 224, 3)).astype(np.uint8)
    whole = session.run(None, {"image": image})[0]
    np.testing.assert_allclose(engine.infer({"image": image})["features"], whole, atol=1e-6)
    assert counts == [4, 3]


def test_padding_does_not_show(answerer: Engine) -> None:
    arrays = asked(2, tokens=9)
    cut = {**arrays, "question": np.ascontiguousarray(arrays["question"][:, :3])}
    long, short = answerer.infer(arrays)["logits"], answerer.infer(cut)["logits"]
    np.testing.assert_allclose(long, short, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"photo": photos(1)},
            "takes the inputs features, lengths, question; it was given features, lengths, photo",
        ),
        ({"lengths": np.ones(2, np.int64)}, "lengths must be int32; it is int64"),
        ({"question": np.ones((2, 3), np.float32)}, r"shape \[\?, \?, 12\]; it has \[2, 3\]"),
        (
            {"features": np.ones((2, 7), np.float32)},
            r"features must have the shape \[\?, 16\]; it has \[2, 7\]",
        ),
        ({"lengths": np.ones(3, np.int32)}, "same number of rows; question has 2, lengths has 3"),
        ({"lengths": np.float32(1)}, "lengths must be int32; it is float32"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(answerer: Engine, change: dict[str, Any], message: str) -> None:
    arrays = {**asked(2), **change}
    if "photo" in change:
        del arrays["question"]
    with pytest.raises(EngineError, match=message):
        answerer.infer(arrays)
    assert answerer.infer(asked(2))["logits"].shape == (2, len(ANSWERS))


@pytest.mark.parametrize("rows", [0, 5])
def test_batches_beyond_the_limits_are_refused(encoder: Engine, rows: int) -> None:
    with pytest.raises(EngineError, match=f"has {rows} rows; the engine takes 1 to 4"):
        encoder.infer({"image": photos(rows)})


def test_a_closed_engine_says_so(encoder: Engine) -> None:
    encoder.close()
    encoder.close()
    with pytest.raises(EngineError, match="is closed"):
        encoder.infer({"image": photos(1)})


def test_warming_runs_each_size(encoder: OnnxRuntimeEngine, answerer: OnnxRuntimeEngine) -> None:
    warm_up(encoder, [1, 4])
    warm_up(answerer, [1, 2, 4])
    with pytest.raises(EngineError, match="5 rows"):
        warm_up(encoder, [5])


@pytest.mark.parametrize("data", [None, b"", b"nonsense" * 50])
def test_what_is_no_graph_is_refused_in_one_line(
    tmp_path: Path, data: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "graph.onnx"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(EngineError, match=r"graph\.onnx cannot be") as caught:
        OnnxRuntimeEngine(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_failure_while_running_is_an_engine_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = save(
        tmp_path / "graph.onnx",
        helper.make_node("Reshape", ["x", "sizes"], ["y"]),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7]),
        [numpy_helper.from_array(np.array([0, 7], np.int64), "sizes")],
    )
    with pytest.raises(EngineError, match="ONNX Runtime failed") as caught:
        OnnxRuntimeEngine(path).infer({"x": np.ones((2, 4), np.float32)})
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_graph_that_declares_another_size_than_it_gives_is_found_out(tmp_path: Path) -> None:
    path = save(
        tmp_path / "graph.onnx",
        helper.make_node("Relu", ["x"], ["y"]),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7]),
    )
    with pytest.raises(EngineError, match=r"output y must have the shape \[\?, 7\]; it has \[1, 4\]"):
        warm_up(OnnxRuntimeEngine(path), [1])


def test_a_graph_that_loses_rows_is_found_out(tmp_path: Path) -> None:
    path = save(
        tmp_path / "graph.onnx",
        helper.make_node("ReduceMax", ["x"], ["y"], axes=[0], keepdims=1),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["M", 4]),
    )
    with pytest.raises(EngineError, match="gave 1 rows of y for 2"):
        OnnxRuntimeEngine(path).infer({"x": np.ones((2, 4), np.float32)})


@pytest.mark.parametrize("limits", [{"max_batch": 0}, {"threads": 0}])
def test_limits_must_be_positive(tmp_path: Path, limits: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="at least 1"):
        OnnxRuntimeEngine(tmp_path / "graph.onnx", **limits)


def test_reading_bundles_needs_neither_onnx_nor_onnxruntime() -> None:
    code = "import asksight.engine, sys; assert not {'onnx', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
