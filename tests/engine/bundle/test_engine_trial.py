"""A new bundle is run once before it is put in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from bundles import random_answerer, write_random_bundle

from asksight.engine import BundleError, write_bundle
from asksight.engine.bundle.load import Bundle


def rewrite(bundle: Bundle, answerer: onnx.ModelProto, encoder: onnx.ModelProto | None = None) -> None:
    write_bundle(
        bundle.path,
        encoder=encoder.SerializeToString() if encoder else bundle.encoder_path,
        answerer=answerer.SerializeToString(),
        vectors=bundle.vectors,
        words=bundle.words,
        answers=bundle.answers,
        name=bundle.name,
        version="2",
        architecture=bundle.architecture,
        preprocessing=bundle.preprocessing,
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_random_bundle(tmp_path / "bundle")


@pytest.fixture
def answerer() -> onnx.ModelProto:
    return onnx.load_from_string(random_answerer(np.random.default_rng(0)))


def node(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(one for one in model.graph.node if one.op_type == kind)


def test_an_answerer_that_sees_padding_is_refused(bundle: Bundle, answerer: onnx.ModelProto) -> None:
    node(answerer, "ReduceSum").op_type = "ReduceMean"  # divides by T, padding included
    del node(answerer, "ReduceMean").input[1:]
    node(answerer, "ReduceMean").attribute.append(onnx.helper.make_attribute("axes", [1]))
    with pytest.raises(
        BundleError, match=r"answerer\.onnx: expected the same logits however far padded, found a difference"
    ):
        rewrite(bundle, answerer)


def test_an_encoder_that_mixes_photos_is_refused(bundle: Bundle, answerer: onnx.ModelProto) -> None:
    encoder = onnx.load(bundle.encoder_path)
    node(encoder, "Tanh").input[0] = "softened"  # over the batch, as batch normalisation in training would
    encoder.graph.node.insert(7, onnx.helper.make_node("Softmax", ["mixed"], ["softened"], axis=0))
    with pytest.raises(
        BundleError, match=r"encoder\.onnx: expected the same features of a photo in any batch"
    ):
        rewrite(bundle, answerer, encoder)


def test_an_answerer_that_gives_no_numbers_is_refused(bundle: Bundle, answerer: onnx.ModelProto) -> None:
    node(answerer, "Tanh").op_type = "Log"  # of negative numbers too
    with pytest.raises(BundleError, match=r"answerer\.onnx: expected finite numbers, found NaN or infinity"):
        rewrite(bundle, answerer)


def test_an_answerer_that_does_not_run_is_refused(bundle: Bundle, answerer: onnx.ModelProto) -> None:
    node(answerer, "Cos").op_type = "NoSuchOperator"
    with pytest.raises(BundleError, match="a graph that runs, found ONNX Runtime cannot load"):
        rewrite(bundle, answerer)


def test_a_bundle_may_be_written_from_another(bundle: Bundle, answerer: onnx.ModelProto) -> None:
    rewrite(bundle, answerer)
