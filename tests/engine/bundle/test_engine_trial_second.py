"""A new bundle of schema 2 is run once, too: what its graphs give is what the bundle says they give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from pieces_bundles import (
    grid_encoder,
    joint_answerer,
    spelling_answerer,
    write_joint_bundle,
    write_spelled_bundle,
)

from asksight.engine import BundleError

Change = Callable[[onnx.ModelProto], None]


def answerer(change: Change, graph: Callable[[np.random.Generator], bytes] = spelling_answerer) -> bytes:
    model = onnx.load_from_string(graph(np.random.default_rng(0)))
    change(model)
    return bytes(model.SerializeToString())


def table(model: onnx.ModelProto, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change one of the graph's constants."""
    tensor = next(one for one in model.graph.initializer if one.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))


def node(model: onnx.ModelProto, output: str) -> onnx.NodeProto:
    return next(one for one in model.graph.node if one.output[0] == output)


def divides_by_tokens(model: onnx.ModelProto) -> None:
    """An average over all tokens, padding too."""
    reducer = node(model, "sum")
    reducer.op_type = "ReduceMean"
    del reducer.input[1:]
    reducer.attribute.append(helper.make_attribute("axes", [1]))


def numbers_of_no_piece(model: onnx.ModelProto) -> None:
    table(model, "tokens_of", lambda tokens: tokens + 27)


def probabilities_over_one(model: onnx.ModelProto) -> None:
    table(model, "shares_of", lambda shares: -shares)


def something_behind_the_stop(model: onnx.ModelProto) -> None:
    table(model, "shares_of", lambda shares: np.full_like(shares, 1 / shares.shape[1]))


def no_numbers(model: onnx.ModelProto) -> None:
    node(model, "bounded").op_type = "Log"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (divides_by_tokens, r"expected the same probabilities of spelled answers however far padded"),
        (numbers_of_no_piece, r"expected tokens of the rows 0 to 29 of words\.txt, found rows of 27"),
        (probabilities_over_one, r"expected log-probabilities, none of them over 0, found"),
        (something_behind_the_stop, r"expected log-probabilities of 0 behind the piece that ends an answer"),
        (no_numbers, r"expected finite numbers, found NaN or infinity"),
    ],
)
def test_an_answerer_that_does_not_spell_as_it_says_is_refused(
    tmp_path: Path, change: Change, message: str
) -> None:
    with pytest.raises(BundleError, match=rf"answerer\.onnx: {message}"):
        write_spelled_bundle(tmp_path / "bundle", answerer=answerer(change))
    assert not (tmp_path / "bundle").exists()


def test_an_encoder_that_mixes_photos_is_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(grid_encoder())
    node(model, "mask").input[0] = "of_all"  # the mask of a photo would be that of the widest in the batch
    place = next(i for i, one in enumerate(model.graph.node) if one.output[0] == "mask")
    model.graph.node.insert(place, helper.make_node("ReduceMax", ["ones"], ["widest"], axes=[0]))
    model.graph.node.insert(place + 1, helper.make_node("Max", ["ones", "widest"], ["of_all"]))
    with pytest.raises(BundleError, match=r"encoder\.onnx: expected the same features of a photo in any"):
        write_joint_bundle(tmp_path / "bundle", encoder=bytes(model.SerializeToString()))


def test_a_joint_answerer_that_sees_padding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"answerer\.onnx: expected the same logits however far padded"):
        write_joint_bundle(tmp_path / "bundle", answerer=answerer(divides_by_tokens, joint_answerer))
