"""An ONNX model of a person's own, in one graph or two, becomes a bundle that answers the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asksight.engine import load_bundle
from asksight.training.errors import ImportSpecError
from asksight.training.importing.onnx_import import import_onnx
from asksight.training.importing.spec import Spec, parse_spec

FLOAT = TensorProto.FLOAT
WORDS, ANSWERS = 5, 3


def weights(**arrays: Any) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]


def model(
    nodes: list[onnx.NodeProto], inputs: Any, outputs: Any, kept: Any, *, opset: int = 17
) -> onnx.ModelProto:
    taken, given = ([helper.make_tensor_value_info(*one) for one in ends] for ends in (inputs, outputs))
    graph = helper.make_graph(nodes, "own", taken, given, kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def photo_nodes() -> list[onnx.NodeProto]:
    """Planes [N,3,8,8] → a map [N,4,3,3] and its means [N,4]."""
    return [
        helper.make_node("Conv", ["planes", "kernel"], ["map"], strides=[2, 2]),
        helper.make_node("Relu", ["map"], ["bright"]),
        helper.make_node("ReduceMean", ["bright"], ["means"], axes=[2, 3], keepdims=0),
    ]


def answer_nodes(seen: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("MatMul", ["bag", "asks"], ["asked"]),
        helper.make_node("Mul", [seen, "asked"], ["both"]),
        helper.make_node("MatMul", ["both", "out"], ["logits_"]),
        helper.make_node("Softmax", ["logits_"], ["scores"], axis=1),
    ]


def own_weights() -> dict[str, Any]:
    random = np.random.default_rng(0)
    sizes = {"kernel": (4, 3, 3, 3), "asks": (WORDS, 4), "out": (4, ANSWERS)}
    return {name: random.normal(size=size).astype(np.float32) for name, size in sizes.items()}


def one_graph(path: Path, *, opset: int = 17) -> Path:
    inputs = [("planes", FLOAT, ["N", 3, 8, 8]), ("bag", FLOAT, ["N", WORDS])]
    outputs = [("scores", FLOAT, ["N", ANSWERS])]
    onnx.save(
        model(
            [*photo_nodes(), *answer_nodes("means")], inputs, outputs, weights(**own_weights()), opset=opset
        ),
        path,
    )
    return path


def spec(folder: Path, **question: Any) -> Spec:
    (folder / "words.txt").write_text("what\nis\nred\nthe\n")
    (folder / "answers.txt").write_text("yes\nno\nred\n")
    tree = {
        "image": {"values": "torch"},
        "question": {"form": "counts", "words": "words.txt"} | question,
        "answers": {"file": "answers.txt"},
    }
    return parse_spec(tree, folder / "spec.toml")


def test_one_graph_is_cut_where_the_question_comes_in(tmp_path: Path) -> None:
    imported = import_onnx([one_graph(tmp_path / "own.onnx")], spec(tmp_path), tmp_path / "bundle")
    assert imported.largest_difference < 1e-5
    assert load_bundle(tmp_path / "bundle").feature_shape == (4,)  # the means, not the map


def test_two_tensors_may_cross(tmp_path: Path) -> None:
    """A map that the question weighs, and its means, go over together."""
    nodes = [
        *photo_nodes(),
        helper.make_node("MatMul", ["bag", "asks"], ["asked"]),
        helper.make_node("Unsqueeze", ["asked", "axes"], ["wide"]),
        helper.make_node("Mul", ["bright", "wide"], ["weighed"]),
        helper.make_node("ReduceMax", ["weighed"], ["best"], axes=[2, 3], keepdims=0),
        helper.make_node("Add", ["best", "means"], ["both"]),
        helper.make_node("MatMul", ["both", "out"], ["scores"]),
    ]
    kept = weights(**own_weights(), axes=np.array([2, 3]))
    inputs = [("planes", FLOAT, ["N", 3, 8, 8]), ("bag", FLOAT, ["N", WORDS])]
    onnx.save(model(nodes, inputs, [("scores", FLOAT, ["N", ANSWERS])], kept), tmp_path / "own.onnx")
    with pytest.raises(ImportSpecError, match=r"neither softmax nor sigmoid"):
        import_onnx([tmp_path / "own.onnx"], spec(tmp_path), tmp_path / "bundle")
    said = spec(tmp_path)
    raw = parse_spec(
        {
            "image": {"values": "torch"},
            "question": {"form": "counts", "words": "words.txt"},
            "answers": {"file": "answers.txt", "scores": "logits"},
        },
        tmp_path / "spec.toml",
    )
    assert said.answers.scores is None
    imported = import_onnx([tmp_path / "own.onnx"], raw, tmp_path / "bundle")
    assert imported.largest_difference < 1e-5
    assert load_bundle(tmp_path / "bundle").feature_shape == (4 * 3 * 3 + 4,)


def test_two_graphs(tmp_path: Path) -> None:
    own = own_weights()
    kernel = weights(kernel=own.pop("kernel"))
    encoder = model(photo_nodes(), [("planes", FLOAT, ["N", 3, 8, 8])], [("means", FLOAT, ["N", 4])], kernel)
    inputs = [("bag", FLOAT, ["N", WORDS]), ("seen", FLOAT, ["N", 4])]
    answerer = model(answer_nodes("seen"), inputs, [("scores", FLOAT, ["N", ANSWERS])], weights(**own))
    paths = [tmp_path / "encoder.onnx", tmp_path / "answerer.onnx"]
    onnx.save(encoder, paths[0])
    onnx.save(answerer, paths[1])
    assert import_onnx(paths, spec(tmp_path), tmp_path / "bundle").largest_difference < 1e-5
    assert load_bundle(tmp_path / "bundle").feature_shape == (4,)


def test_a_graph_may_use_the_names_that_a_bundle_uses(tmp_path: Path) -> None:
    """Its photo is called image, its question question, and so on; an inner graph reads a weight of the outer one."""
    photo = [
        helper.make_node("Conv", ["image", "kernel"], ["map"], strides=[2, 2]),
        helper.make_node("ReduceMean", ["map"], ["features"], axes=[2, 3], keepdims=0),
    ]
    branches = [
        helper.make_graph(
            [helper.make_node(kind, ["asked", "lengths"], [kind])],
            kind,
            [],
            [helper.make_tensor_value_info(kind, FLOAT, ["N", 4])],
        )
        for kind in ("Add", "Sub")
    ]
    answer = [
        helper.make_node("MatMul", ["question", "asks"], ["asked"]),
        helper.make_node("If", ["yes"], ["chosen"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Mul", ["features", "chosen"], ["both"]),
        helper.make_node("MatMul", ["both", "out"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    own = own_weights()
    kernel = weights(kernel=own.pop("kernel"))
    kept = weights(**own, yes=np.array(True), lengths=np.ones(4, np.float32))
    image, question = ("image", FLOAT, ["N", 3, 8, 8]), ("question", FLOAT, ["N", WORDS])
    features, scores = ("features", FLOAT, ["N", 4]), ("scores", FLOAT, ["N", ANSWERS])
    graphs = {
        "one": model([*photo, *answer], [image, question], [scores], [*kernel, *kept]),
        "encoder": model(photo, [image], [features], kernel),
        "answerer": model(answer, [question, features], [scores], kept),
    }
    for name, graph in graphs.items():
        onnx.save(graph, tmp_path / f"{name}.onnx")
    for names in (["one"], ["encoder", "answerer"]):
        paths = [tmp_path / f"{name}.onnx" for name in names]
        out = tmp_path / "_".join(names)
        assert import_onnx(paths, spec(tmp_path), out).largest_difference < 1e-5
        assert load_bundle(out).feature_shape == (4,)


def test_weights_beside_the_graph_are_read_inside_its_folder_only(tmp_path: Path) -> None:
    whole = onnx.load(one_graph(tmp_path / "own.onnx"))
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "own.onnx"
    onnx.save(whole, path, save_as_external_data=True, location="own.data", size_threshold=0)
    assert import_onnx([path], spec(tmp_path), tmp_path / "bundle").largest_difference < 1e-5
    (tmp_path / "inside" / "own.data").rename(tmp_path / "own.data")
    frame = onnx.load(path, load_external_data=False)
    for tensor in frame.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../own.data" if entry.key == "location" else entry.value
    path.write_bytes(frame.SerializeToString())
    with pytest.raises(ImportSpecError, match=r"only files inside its own folder are read"):
        import_onnx([path], spec(tmp_path), tmp_path / "other")


def test_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    said, path = spec(tmp_path), tmp_path / "own.onnx"
    whole = onnx.load(one_graph(path))
    whole.graph.node[1].domain = "my.ops"
    whole.opset_import.append(helper.make_opsetid("my.ops", 1))
    onnx.save(whole, path)
    with pytest.raises(ImportSpecError, match=r"operators that are not ONNX' own \(my\.ops\.Relu\)"):
        import_onnx([path], said, tmp_path / "bundle")
    with pytest.raises(ImportSpecError, match=r"is of opset 12; 13 or newer is allowed"):
        import_onnx([one_graph(path, opset=12)], said, tmp_path / "bundle")
    path.write_bytes(b"nothing at all")
    with pytest.raises(ImportSpecError, match=r"is no ONNX model"):
        import_onnx([path], said, tmp_path / "bundle")
    fixed = onnx.load(one_graph(path))
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(fixed, path)
    with pytest.raises(ImportSpecError, match=r"the batch, must be free"):
        import_onnx([path], said, tmp_path / "bundle")
    blind = onnx.load(one_graph(path))
    blind.graph.node[4].input[0] = "asked"  # the photo no longer matters
    onnx.save(blind, path)
    with pytest.raises(ImportSpecError, match=r"does not depend on 'planes', which should be the photo"):
        import_onnx([path], said, tmp_path / "bundle")
    np.save(tmp_path / "vectors.npy", np.ones((4, 2), np.float32))
    vectors = spec(tmp_path, form="sequence", vectors="vectors.npy")
    with pytest.raises(
        ImportSpecError, match=r"input 'bag' has the shape \[N, 5\].*\[N, length, dimension\]"
    ):
        import_onnx([one_graph(path)], vectors, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
