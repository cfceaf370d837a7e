"""Asks a Keras model and its ONNX form the same, and compares."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from asksight.training.exporting.keras_onnx import to_onnx


def randomise(model: Any, seed: int = 0) -> None:
    """Give every weight a random value, so that a bias or a statistic put in the wrong place shows."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if "float" in str(variable.dtype):
            spread = 0.5 / max(1.0, float(np.prod(variable.shape[:-1]))) ** 0.5
            values = random.normal(0, max(spread, 0.05), variable.shape)
            variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)


def run_onnx(proto: onnx.ModelProto, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """All outputs, from ONNX Runtime on the CPU, with every shape that the graph states held to."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs: list[NDArray[Any]] = session.run(None, feeds)
    return outputs


def run_keras(model: Any, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """All outputs, flat."""
    inputs = [keras.ops.convert_to_tensor(feeds[tensor.name]) for tensor in model.inputs]
    given = inputs if len(inputs) > 1 else inputs[0]
    return [np.asarray(output) for output in keras.tree.flatten(model(given, training=False))]


def assert_same(
    model: Any, feeds: dict[str, NDArray[Any]], *, tolerance: float = 1e-5, **options: Any
) -> onnx.ModelProto:
    """Convert, check with onnx.checker, run both on `feeds` and compare every output."""
    proto = to_onnx(model, **options)
    onnx.checker.check_model(proto, full_check=True)
    wanted, got = run_keras(model, feeds), run_onnx(proto, feeds)
    assert len(wanted) == len(got)
    for first, second in zip(wanted, got, strict=True):
        assert first.shape == second.shape
        assert first.dtype == second.dtype
        np.testing.assert_allclose(second, first, atol=tolerance, rtol=1e-4)
    return proto


def kinds(proto: onnx.ModelProto) -> list[str]:
    """The op types in order."""
    return [node.op_type for node in proto.graph.node]
