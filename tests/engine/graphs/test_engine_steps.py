"""Recurrent graphs without sequence_lens give what they gave with it, whatever reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asksight.engine import EngineError
from asksight.engine.graphs.recurrent_lengths import without_sequence_lens
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

UNITS, WORDS = 5, 3
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent(
    kind: str, outputs: list[str], *, layers: int = 2, direction: str = "forward"
) -> onnx.ModelProto:
    """question [T,N,3], lengths [N] → steps [T,1,N,5] and state [1,N,5] of the last of some layers."""
    random = np.random.default_rng(3)
    nodes, weights = [], [numpy_helper.from_array(np.array([1], np.int64), "axis")]
    read = "question"
    for layer in range(layers):
        wide = WORDS if layer == 0 else UNITS
        for part, shape in (("w", (1, GATES[kind] * UNITS, wide)), ("r", (1, GATES[kind] * UNITS, UNITS))):
            array = random.normal(size=shape).astype(np.float32)
            weights.append(numpy_helper.from_array(array, f"{part}{layer}"))
        last = layer == layers - 1
        names = ["steps", "state"] if last else [f"steps{layer}", f"state{layer}"]
        nodes.append(
            helper.make_node(
                kind,
                [read, f"w{layer}", f"r{layer}", "", "lengths"],
                names,
                hidden_size=UNITS,
                direction=direction,
            )
        )
        if not last:
            nodes.append(helper.make_node("Squeeze", [names[0], "axis"], [f"read{layer}"]))
            read = f"read{layer}"
    shapes: dict[str, list[str | int | None]] = {"steps": ["T", 1, "N", UNITS], "state": [1, "N", UNITS]}
    graph = helper.make_graph(
        nodes,
        "recurrent",
        [
            helper.make_tensor_value_info("question", TensorProto.FLOAT, ["T", "N", WORDS]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, path: Path, lengths: list[int]) -> dict[str, NDArray[Any]]:
    onnx.checker.check_model(model)
    onnx.save(model, path)
    question = np.random.default_rng(4).normal(size=(max(lengths), len(lengths), WORDS)).astype(np.float32)
    session = OnnxRuntimeEngine(path, max_batch=max(lengths))
    arrays = {"question": question, "lengths": np.array(lengths, np.int32)}
    # Steps come first here, so our own check of rows does not fit; the session is asked directly.
    names = [tensor.name for tensor in session.spec.outputs]
    return dict(zip(names, session._session.run(names, arrays), strict=True))  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("outputs", [["state"], ["steps"], ["steps", "state"]])
@pytest.mark.parametrize("lengths", [[4, 1, 3], [2], [3, 3]])
def test_the_outputs_stay_the_same(tmp_path: Path, kind: str, outputs: list[str], lengths: list[int]) -> None:
    before = run(recurrent(kind, outputs), tmp_path / "before.onnx", lengths)
    rewritten = without_sequence_lens(recurrent(kind, outputs))
    assert not any("lengths" in node.input for node in rewritten.graph.node if node.op_type == kind)
    after = run(rewritten, tmp_path / "after.onnx", lengths)
    for name in outputs:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6)


def test_one_mask_serves_all_layers(tmp_path: Path) -> None:
    rewritten = without_sequence_lens(recurrent("LSTM", ["state"], layers=3))
    assert sum(node.op_type == "Range" for node in rewritten.graph.node) == 1


@pytest.mark.parametrize("direction", ["reverse"])
def test_a_layer_that_reads_backwards_is_refused(direction: str) -> None:
    with pytest.raises(EngineError, match="reads reverse; only forward layers"):
        without_sequence_lens(recurrent("LSTM", ["state"], layers=1, direction=direction))
