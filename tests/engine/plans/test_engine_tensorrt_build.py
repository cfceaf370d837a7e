"""TensorRT plans built for real, without a GPU, by TensorRT-RTX: of the tutorial's graphs and the built-in bundle's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle

from asksight.engine import Bundle, EngineError, load_bundle
from asksight.engine.base import TensorSpec
from asksight.engine.bundle.samples import made_up_samples
from asksight.engine.graphs.graph import read_header
from asksight.engine.plans.parity import question_batches
from asksight.engine.plans.profiles import Profile, profiles
from asksight.engine.plans.tensorrt_build import build_tensorrt
from asksight.engine.runtimes.tensorrt_api import import_tensorrt
from asksight.engine.text_models import TextStage, find_text_models
from asksight.server.reading.drawn import drawn_samples


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG16 with narrow fully connected layers, and both answerers, with small vocabularies, as ONNX files."""
    import keras
    from keras import applications, layers

    from asksight.training.exporting.keras_onnx import save_onnx
    from asksight.training.models import lstm, mlp

    folder = tmp_path_factory.mktemp("tutorial")
    image = keras.Input((224, 224, 3), name="image")
    body = applications.VGG16(include_top=False, weights=None, input_tensor=image)
    features = layers.Dense(64, "relu")(layers.Flatten()(body.output))  # 4096 take half a minute to write
    save_onnx(
        keras.Model(image, features), folder / "vgg16.onnx", output_names=["features"], uint8_inputs=["image"]
    )
    made = {"lstm": (lstm, lstm.LstmConfig()), "mlp": (mlp, mlp.MlpConfig())}
    for name, (module, config) in made.items():
        answerer = module.answerer(config, feature_shape=(64,), answers=50)
        save_onnx(answerer, folder / f"{name}.onnx", output_names=["logits"])
    return folder


def sample(name: str, tokens: int = 4) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    if name == "vgg16":
        return [{"image": random.integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)}]
    question = random.normal(size=(2, tokens, 300)).astype(np.float32)
    features = random.normal(size=(2, 64)).astype(np.float32)
    return [{"question": question, "lengths": np.array([tokens, 1], np.int32), "features": features}]


def sizes(graph: Path) -> list[Profile]:
    return profiles(read_header(graph).inputs, max_batch=8, max_tokens=30)


@pytest.mark.parametrize("name", ["vgg16", "lstm", "mlp"])
@pytest.mark.parametrize("precision", ["fp16", "float32"])
def test_the_tutorials_graphs_become_plans(tutorial: Path, tmp_path: Path, name: str, precision: str) -> None:
    graph, plan = tutorial / f"{name}.onnx", tmp_path / "plan.engine"
    kept = build_tensorrt(graph, plan, precision, sample(name), profiles=sizes(graph))
    assert kept == ()
    share = plan.stat().st_size / graph.stat().st_size
    assert 0.4 < share < (0.75 if precision == "fp16" else 1.5)


@pytest.mark.parametrize("stage", ["encoder", "answerer"])
@pytest.mark.parametrize("precision", ["fp16", "float32"])
@pytest.mark.parametrize("made", ["scenes", "random"])
def test_the_graphs_of_a_bundle_become_plans(tmp_path: Path, stage: str, precision: str, made: str) -> None:
    bundle = load_bundle("scenes") if made == "scenes" else write_random_bundle(tmp_path / "bundle")
    graph, batches = inputs(bundle, stage)
    build_tensorrt(graph, tmp_path / "plan", precision, batches, profiles=sizes(graph))
    assert (tmp_path / "plan").stat().st_size > 1000


def inputs(bundle: Bundle, stage: str) -> tuple[Path, list[Any]]:
    samples = made_up_samples(bundle, photos=2, questions=4)
    if stage == "encoder":
        return bundle.encoder_path, [{"image": samples.photos}]
    features = np.zeros((2, *bundle.feature_shape), np.float32)
    return bundle.answerer_path, question_batches(bundle, samples, features, 4)


@pytest.mark.parametrize("stage", [pytest.param(one, marks=pytest.mark.slow) for one in TextStage])
def test_the_readers_graphs_become_plans_of_several_sizes(tmp_path: Path, stage: TextStage) -> None:
    models = find_text_models()
    one = drawn_samples(models.characters, pages=1)[stage]
    profile = Profile(name="x", least=one.least, typical=one.typical, most=one.most)
    kept = build_tensorrt(
        models.path(stage), tmp_path / "plan", "fp16", [{"x": one.batches[0]}], profiles=[profile]
    )
    assert kept == ()
    assert (tmp_path / "plan").stat().st_size > 100_000


def test_a_profile_goes_from_one_row_to_the_largest_batch() -> None:
    question = TensorSpec(name="question", shape=(None, None, 300), dtype=np.dtype(np.float32))
    lengths = TensorSpec(name="lengths", shape=(None,), dtype=np.dtype(np.int32))
    assert profiles([question, lengths], max_batch=32, max_tokens=30) == [
        Profile(name="question", least=(1, 1, 300), typical=(8, 8, 300), most=(32, 30, 300)),
        Profile(name="lengths", least=(1,), typical=(8,), most=(32,)),
    ]
    (small,) = profiles([question], max_batch=2, max_tokens=5)
    assert small.typical == (2, 5, 300)


def test_an_operator_that_tensorrt_lacks_is_one_line(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("NoSuchOperator", ["image"], ["features"], domain="nobody")],
        "unknown",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 2])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nobody", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "graph.onnx")
    with pytest.raises(EngineError, match="does not take the graph") as refusal:
        build_tensorrt(tmp_path / "graph.onnx", tmp_path / "plan", "float32", [], profiles=[])
    assert "\n" not in str(refusal.value)
    assert "NoSuchOperator" in str(refusal.value)


def test_without_tensorrt_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[tensorrt\]'"):
        import_tensorrt()
