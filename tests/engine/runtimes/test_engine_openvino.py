"""OpenVINO: answers as onnxruntime does, in each precision, and says in one line what it cannot."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from bundles import write_random_bundle

from asksight.engine import Bundle, EngineError, load_bundle
from asksight.engine.bundle.samples import Samples, made_up_samples
from asksight.engine.plans.openvino_build import build_openvino
from asksight.engine.plans.parity import question_batches
from asksight.engine.runtimes import openvino_engine as module
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.engine.runtimes.openvino_core import core
from asksight.engine.runtimes.openvino_engine import OpenVinoEngine, has_bf16
from asksight.engine.runtimes.warm import warm_up

PRECISIONS = ["float32", "int8", *(["bf16"] if has_bf16() else [])]
ALLOWED = {"float32": 1e-5, "bf16": 0.06, "int8": 0.2}  # of the largest number


@pytest.fixture(scope="module")
def scenes() -> Bundle:
    return load_bundle("scenes")


@pytest.fixture(scope="module", params=["random", "scenes"])
def bundle(
    request: pytest.FixtureRequest, scenes: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    if request.param == "scenes":
        return scenes
    return write_random_bundle(tmp_path_factory.mktemp("random") / "bundle")


@pytest.fixture(scope="module")
def samples(bundle: Bundle) -> Samples:
    return made_up_samples(bundle, photos=8, questions=32)


@pytest.fixture(scope="module")
def encoder_plan(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Bundle, str], Path]:
    """Gives a bundle's encoder in a precision, built once: tests only read it."""

    @cache
    def built(bundle: Bundle, precision: str) -> Path:
        plan = tmp_path_factory.mktemp("plan") / "plan.xml"
        photos = made_up_samples(bundle, photos=8, questions=32).photos
        build_openvino(bundle.encoder_path, plan, precision, [{"image": photos}])
        return plan

    return built


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_encoder_gives_what_onnxruntime_gives(
    bundle: Bundle, samples: Samples, encoder_plan: Callable[[Bundle, str], Path], precision: str
) -> None:
    reference = OnnxRuntimeEngine(bundle.encoder_path, max_batch=8)
    engine = OpenVinoEngine(encoder_plan(bundle, precision), precision=precision, max_batch=8)
    assert (engine.spec.inputs, engine.spec.outputs) == (reference.spec.inputs, reference.spec.outputs)
    assert (engine.name, engine.precision) == ("openvino", precision)
    for rows in (1, 8, 3):  # a size that is new, and smaller, after a larger one
        wanted = reference.infer({"image": samples.photos[:rows]})["features"]
        got = engine.infer({"image": samples.photos[:rows]})["features"]
        assert np.abs(wanted - got).max() <= ALLOWED[precision] * np.abs(wanted).max()


def test_int8_leaves_the_convolution_that_reads_the_pixels(
    scenes: Bundle, encoder_plan: Callable[[Bundle, str], Path]
) -> None:
    operations = core().read_model(str(encoder_plan(scenes, "int8"))).get_ordered_ops()
    convolutions = [one for one in operations if one.get_type_name() == "Convolution"]
    quantised = [one.input_value(0).get_node().get_type_name() == "FakeQuantize" for one in convolutions]
    assert quantised == [False] + [True] * (len(convolutions) - 1)


@pytest.mark.parametrize("precision", [one for one in PRECISIONS if one != "int8"])
def test_the_answerer_heeds_the_lengths_of_padded_questions(
    bundle: Bundle, samples: Samples, tmp_path: Path, precision: str
) -> None:
    reference = OnnxRuntimeEngine(bundle.answerer_path, max_batch=32)
    features = np.random.default_rng(0).normal(size=(8, *bundle.feature_shape)).astype(np.float32)
    batches = question_batches(bundle, samples, features, 8)
    build_openvino(bundle.answerer_path, tmp_path / "plan.xml", precision, batches)
    engine = OpenVinoEngine(tmp_path / "plan.xml", precision=precision, max_batch=32)
    assert {tensor.name for tensor in engine.spec.inputs} == {"question", "lengths", "features"}
    for batch in batches:
        wanted, got = reference.infer(batch)["logits"], engine.infer(batch)["logits"]
        assert np.abs(wanted - got).max() <= ALLOWED[precision] * np.abs(wanted).max()


def test_results_stay_when_the_next_batch_runs(
    bundle: Bundle, samples: Samples, encoder_plan: Callable[[Bundle, str], Path]
) -> None:
    engine = OpenVinoEngine(encoder_plan(bundle, "float32"), precision="float32", max_batch=8)
    first = engine.infer({"image": samples.photos[:1]})["features"]
    kept = first.copy()
    engine.infer({"image": samples.photos[1:2]})
    assert np.array_equal(first, kept)
    warm_up(engine, [1, 4])
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="is closed; open it again"):
        engine.infer({"image": samples.photos[:1]})


def test_a_model_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "plan.xml").write_text("<net>")
    with pytest.raises(EngineError, match="OpenVINO cannot load") as refusal:
        OpenVinoEngine(tmp_path / "plan.xml", precision="float32")
    assert "\n" not in str(refusal.value)


def test_an_operator_that_openvino_lacks_is_one_line(tmp_path: Path) -> None:
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
    root = logging.getLogger()
    before = root.level, list(root.filters), list(root.handlers)
    with pytest.raises(EngineError, match=r"OpenVINO cannot take .*NoSuchOperator") as refusal:
        build_openvino(tmp_path / "graph.onnx", tmp_path / "plan.xml", "float32", [])
    assert "\n" not in str(refusal.value)
    assert (root.level, root.filters, root.handlers) == before  # what the server logs is still to be seen


def test_a_cpu_without_bfloat16_is_told_what_it_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "has_bf16", lambda: False)
    with pytest.raises(EngineError, match="has no bfloat16; choose int8 or float32"):
        OpenVinoEngine(tmp_path / "plan.xml", precision="bf16")


def test_without_openvino_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[openvino\]'"):
        OpenVinoEngine(tmp_path / "plan.xml", precision="float32")


DROPPED_ELSEWHERE = """
import os, signal, sys, threading
from pathlib import Path
from asksight.engine import load_bundle
from asksight.engine.plans.openvino_build import build_openvino
from asksight.engine.runtimes.openvino_engine import OpenVinoEngine

plan = Path(sys.argv[1]) / "plan.xml"
build_openvino(load_bundle("scenes").encoder_path, plan, "float32", [])
engines = [OpenVinoEngine(plan, precision="float32")]
closing = threading.Thread(target=lambda: engines.pop().close())
closing.start()
closing.join()
signal.signal(signal.SIGTERM, lambda *_: print("told"))
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What a process said that has built, opened and dropped an engine, and its home folder."""
    plan, home = tmp_path_factory.mktemp("plan"), tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(home)}
    command = [sys.executable, "-c", DROPPED_ELSEWHERE, str(plan)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return ran, home


def test_signals_still_arrive_after_a_model_was_let_go_by_another_thread(
    elsewhere: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    """As a server does that swaps a bundle and is stopped later."""
    ran, _ = elsewhere
    assert (ran.returncode, ran.stdout) == (0, "told\n"), ran.stderr


def test_nobody_is_told_of_a_conversion(
    elsewhere: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    """OpenVINO's own telemetry begins by giving the user a number, and keeps that in the home folder."""
    _, home = elsewhere
    assert not list(home.rglob("*ga_cid*"))
