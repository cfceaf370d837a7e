"""Reading what an ONNX file says of itself, held against the `onnx` package, which wrote it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from bundles import random_answerer, random_encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from asksight.engine import TensorSpec
from asksight.engine.graphs.graph import DamagedGraphError, read_header

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])
SPEC = TensorSpec(name="x", shape=(None, 4), dtype=np.dtype(np.float32))


def external(name: str, location: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("offset", "0"), ("location", location), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def save(path: Path, graph: onnx.GraphProto, **fields: object) -> Path:
    path.write_bytes(helper.make_model(graph, **fields).SerializeToString())
    return path


def test_inputs_and_outputs_are_those_of_the_graph(tmp_path: Path) -> None:
    path = tmp_path / "answerer.onnx"
    path.write_bytes(random_answerer(np.random.default_rng(0)))
    header = read_header(path)
    model = onnx.load(path)
    for found, declared in ((header.inputs, model.graph.input), (header.outputs, model.graph.output)):
        assert [tensor.name for tensor in found] == [value.name for value in declared]
        for tensor, value in zip(found, declared, strict=True):
            kind = value.type.tensor_type
            assert tensor.dtype == helper.tensor_dtype_to_np_dtype(kind.elem_type)
            assert tensor.shape == tuple(
                size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim
            )
    assert header.external_files == frozenset()


def test_weights_that_old_files_list_as_inputs_are_none(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones(4, np.float32), "w")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    listed = helper.make_tensor_value_info("w", TensorProto.FLOAT, [4])
    path = save(
        tmp_path / "old.onnx", helper.make_graph([node], "g", [X, listed], [Y], [weight]), ir_version=3
    )
    assert read_header(path).inputs == (SPEC,)


def test_weights_in_other_files_are_found_wherever_they_hide(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["b"], ["inner"])], "branch", [], [Y], [external("b", "in-branch")]
    )
    sparse = onnx.SparseTensorProto(
        values=external("v", "sparse-values"), indices=external("i", "sparse-indices"), dims=[4]
    )
    nodes = [
        helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch),
        helper.make_node("Constant", [], ["c"], value=external("c", "/etc/in-constant")),
        helper.make_node("Constant", [], ["d"], sparse_value=sparse),
    ]
    graph = helper.make_graph(nodes, "g", [X], [Y], [external("w", "../in-initializer")])
    graph.sparse_initializer.add(
        values=external("v", "initial-values"), indices=external("i", "initial-indices"), dims=[4]
    )
    model = helper.make_model(graph)
    function = helper.make_function("own", "F", [], ["f"], [nodes[1]], [])
    function.node[0].attribute[0].t.external_data[1].value = "in-function"
    model.functions.append(function)
    training = model.training_info.add()
    training.initialization.CopyFrom(helper.make_graph([], "t", [], [Y], [external("t", "in-training")]))
    path = tmp_path / "hidden.onnx"
    path.write_bytes(model.SerializeToString())
    assert read_header(path).external_files == {
        "../in-initializer", "in-branch", "/etc/in-constant", "in-function", "in-training",
        "sparse-values", "sparse-indices", "initial-values", "initial-indices",
    }  # fmt: skip
    assert read_header(path).inputs == (SPEC,)


def test_only_the_head_of_a_large_file_is_looked_at(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.zeros(1 << 22, np.float32), "w")
    path = save(tmp_path / "large.onnx", helper.make_graph([], "g", [X], [Y], [weight]))
    assert read_header(path).outputs[0].name == "y"


def test_graphs_that_nest_without_end_are_refused(tmp_path: Path) -> None:
    graph = b""
    for field in [0x32, 0x2A, 0x0A] * 200 + [0x3A]:  # attribute.g, node.attribute, graph.node; model.graph
        graph = bytes([field]) + varint(len(graph)) + graph
    path = tmp_path / "deep.onnx"
    path.write_bytes(graph)
    with pytest.raises(DamagedGraphError, match="nest over 32 deep"):
        read_header(path)


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


@pytest.mark.parametrize(
    "data", [b"", b"nonsense" * 9, b"\x80" * 40, b"\x3a\xff\xff\x03", b"\x0b", b"\x08\x07"]
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(data)
    with pytest.raises(DamagedGraphError):
        read_header(path)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damage_is_an_error_or_another_header_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = random_encoder(np.random.default_rng(0))
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 3)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "damaged.onnx"
    path.write_bytes(damaged)
    try:
        header = read_header(path)
    except DamagedGraphError:
        return
    assert header.outputs
