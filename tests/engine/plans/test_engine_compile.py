"""Compiling and picking: what agrees is kept and served, what loses answers is refused, and the reasons are said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle
from numpy.typing import NDArray

from asksight.engine import Arrays, Bundle, Engine, EngineError, FakeEngine
from asksight.engine.bundle.samples import made_up_samples
from asksight.engine.plans import makers as makers_module
from asksight.engine.plans.compile import Reference, compile_stage
from asksight.engine.plans.makers import MAKERS, BuildSpec, Maker
from asksight.engine.plans.measure import batch_sizes, measure
from asksight.engine.plans.parity import compare_scores
from asksight.engine.plans.pick import open_stage, parse_wish
from asksight.engine.plans.progress import Progress
from asksight.engine.plans.sidecar import SIDECAR, dump_sidecar, plans
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

SILENT = Progress(lambda line: None)
NOISE = {"exact": 0.0, "rough": 5.0, "broken": float("nan"), "float32": 0.0}


class Workshop:
    """A maker whose plans are the graph itself plus noise, and whose machine can change."""

    def __init__(self) -> None:
        self.machine = {"workshop": "1"}
        self.missing: str | None = None
        self.builds: list[tuple[str, str]] = []
        self.noise = dict(NOISE)

    def tell(self) -> Mapping[str, str]:
        if self.missing is not None:
            raise EngineError(self.missing)
        return self.machine

    def build(self, spec: BuildSpec) -> tuple[str, ...]:
        self.builds.append((spec.graph.stem, spec.precision))
        (spec.folder / "plan.onnx").write_bytes(spec.graph.read_bytes())
        return ()

    def open(self, folder: Path, precision: str, max_batch: int, threads: int | None) -> Engine:
        real = OnnxRuntimeEngine(folder / "plan.onnx", max_batch=max_batch, threads=threads)
        random = np.random.default_rng(0)

        def infer(arrays: Arrays) -> dict[str, NDArray[Any]]:
            return {
                name: array + np.float32(self.noise[precision]) * random.normal(size=array.shape).astype("f")
                for name, array in real.infer(arrays).items()
            }

        return FakeEngine(real.spec, infer, name="workshop")


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    shop = Workshop()
    made = Maker(
        name="workshop",
        precisions=("float32", "exact", "rough", "broken"),
        machine=shop.tell,
        build=shop.build,
        open=shop.open,
    )
    monkeypatch.setitem(MAKERS, "workshop", made)
    return shop


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_random_bundle(tmp_path / "bundle")


@pytest.fixture
def reference(bundle: Bundle) -> Iterator[Reference]:
    made = Reference(bundle, made_up_samples(bundle, photos=8, questions=64), max_batch=4, threads=1)
    yield made
    made.close()


def build(reference: Reference, precision: str = "exact", *, fast: bool = True) -> None:
    for stage in ("encoder", "answerer"):
        compile_stage(reference, stage, "workshop", precision, min_agreement=0.99, progress=SILENT)
    for stage in ("encoder", "answerer"):
        for plan in plans(reference.bundle.path, stage):
            assert plan.sidecar is not None  # speed is this machine's affair: set, not measured
            rows = 2.0 * plan.sidecar.reference_rows_per_s if fast else 1.0
            (plan.path / SIDECAR).write_text(dump_sidecar(replace(plan.sidecar, rows_per_s=rows)))


def test_what_agrees_is_kept_with_its_figures(reference: Reference, workshop: Workshop) -> None:
    made = compile_stage(reference, "encoder", "workshop", "exact", min_agreement=1.0, progress=SILENT)
    assert made.refused is None
    assert (made.sidecar.agreement, made.sidecar.largest_error, made.sidecar.samples) == (1.0, 0.0, 64)
    assert made.sidecar.rows_per_s > 0
    assert made.sidecar.best_batch in batch_sizes(4)
    (plan,) = plans(reference.bundle.path, "encoder")
    assert plan.sidecar == made.sidecar
    assert plan.path.name.startswith("encoder.workshop.exact.")


@pytest.mark.parametrize("stage", ["encoder", "answerer"])
@pytest.mark.parametrize(("precision", "why"), [("rough", "best answers are float32's"), ("broken", "NaN")])
def test_a_stage_that_loses_answers_is_refused_and_built_in_float32(
    reference: Reference, workshop: Workshop, stage: str, precision: str, why: str
) -> None:
    said: list[str] = []
    made = compile_stage(
        reference, stage, "workshop", precision, min_agreement=0.99, progress=Progress(said.append)
    )
    assert made.sidecar.precision == "float32"
    assert made.refused is not None
    assert made.refused.precision == precision
    assert any(line.startswith(f"{stage}: workshop {precision} is refused") and why in line for line in said)
    assert [plan.path.name.split(".")[2] for plan in plans(reference.bundle.path, stage)] == ["float32"]


def test_where_nothing_agrees_nothing_is_kept(reference: Reference, workshop: Workshop) -> None:
    workshop.noise["float32"] = 5.0
    with pytest.raises(EngineError, match="The answerer is lost on workshop rough") as refusal:
        compile_stage(reference, "answerer", "workshop", "rough", min_agreement=0.99, progress=SILENT)
    assert "stays on onnxruntime" in str(refusal.value)
    assert list(plans(reference.bundle.path, "answerer")) == []
    assert list((reference.bundle.path / "engines").iterdir()) == []


def test_a_new_plan_takes_the_place_of_an_older_one(reference: Reference, workshop: Workshop) -> None:
    build(reference)
    workshop.machine = {"workshop": "2"}
    build(reference)
    assert len(list(plans(reference.bundle.path, "encoder"))) == 1


def test_auto_takes_the_plan_that_is_faster(bundle: Bundle, reference: Reference, workshop: Workshop) -> None:
    assert open_stage(bundle, "encoder", "auto", max_batch=4).engine.name == "onnxruntime"
    build(reference)
    chosen = open_stage(bundle, "encoder", "auto", max_batch=4)
    assert (chosen.engine.name, chosen.reasons) == ("workshop", ())
    assert open_stage(bundle, "encoder", "onnxruntime", max_batch=4).engine.name == "onnxruntime"


def test_auto_leaves_a_slower_plan_and_a_named_engine_is_taken_all_the_same(
    bundle: Bundle, reference: Reference, workshop: Workshop
) -> None:
    build(reference, fast=False)
    assert open_stage(bundle, "answerer", "auto", max_batch=4).engine.name == "onnxruntime"
    assert open_stage(bundle, "answerer", "workshop", max_batch=4).engine.name == "workshop"
    assert open_stage(bundle, "answerer", "workshop:exact", max_batch=4).engine.name == "workshop"


@pytest.mark.parametrize("harm", ["machine", "cut", "graph"])
def test_a_plan_that_does_not_fit_is_built_again(
    bundle: Bundle, reference: Reference, workshop: Workshop, harm: str
) -> None:
    build(reference)
    (plan,) = plans(bundle.path, "encoder")
    if harm == "machine":
        workshop.machine = {"workshop": "2"}
    elif harm == "cut":
        (plan.path / "plan.onnx").write_bytes(b"12")
    else:
        assert plan.sidecar is not None
        (plan.path / SIDECAR).write_text(dump_sidecar(replace(plan.sidecar, graph_sha256="00" * 32)))
    workshop.builds.clear()
    chosen = open_stage(bundle, "encoder", "auto", max_batch=4)
    assert chosen.engine.name == "workshop"
    assert workshop.builds == [("encoder", "exact")]
    workshop.builds.clear()
    assert open_stage(bundle, "encoder", "workshop", max_batch=4).engine.name == "workshop"
    assert workshop.builds == []


def test_without_the_engine_auto_falls_back_and_says_why(
    bundle: Bundle, reference: Reference, workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    build(reference)
    workshop.missing = "The workshop is shut. Come again."
    chosen = open_stage(bundle, "encoder", "auto", max_batch=4)
    assert chosen.engine.name == "onnxruntime"
    assert chosen.reasons[0].cause == "missing"
    assert "The workshop is shut." in chosen.reasons[0].text
    assert "onnxruntime takes its place" in caplog.text
    with pytest.raises(EngineError, match="workshop was asked for, and cannot be had for the encoder"):
        open_stage(bundle, "encoder", "workshop", max_batch=4)


def test_a_plan_that_cannot_be_built_again_falls_back(
    bundle: Bundle, reference: Reference, workshop: Workshop
) -> None:
    build(reference)
    workshop.machine = {"workshop": "2"}
    workshop.noise = dict.fromkeys(NOISE, 5.0)
    chosen = open_stage(bundle, "answerer", "auto", max_batch=4)
    assert chosen.engine.name == "onnxruntime"
    assert chosen.reasons[0].cause == "not_rebuilt"
    assert "built with workshop '1', and here it is '2'" in chosen.reasons[0].text
    assert "building it again failed" in chosen.reasons[0].text


def test_a_damaged_sidecar_falls_back(bundle: Bundle, reference: Reference, workshop: Workshop) -> None:
    build(reference)
    (plan,) = plans(bundle.path, "encoder")
    (plan.path / SIDECAR).write_text("{")
    chosen = open_stage(bundle, "encoder", "auto", max_batch=4)
    assert chosen.engine.name == "onnxruntime"
    assert chosen.reasons[0].cause == "damaged"
    assert "Compile the bundle again" in chosen.reasons[0].text


def test_a_plan_that_its_engine_does_not_open_falls_back(
    bundle: Bundle, reference: Reference, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path, precision: str, max_batch: int, threads: int | None) -> Engine:
        raise EngineError("The workshop has no room.")

    build(reference)
    monkeypatch.setitem(MAKERS, "workshop", replace(MAKERS["workshop"], open=broken))
    chosen = open_stage(bundle, "encoder", "auto", max_batch=4)
    assert chosen.engine.name == "onnxruntime"
    assert [reason.cause for reason in chosen.reasons] == ["not_opened"]


def test_a_named_engine_without_a_plan_says_how_to_build_one(bundle: Bundle, workshop: Workshop) -> None:
    with pytest.raises(EngineError, match=r"asksight compile .* --engine workshop --precision exact"):
        open_stage(bundle, "encoder", "workshop:exact", max_batch=4)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("tpu", "There is no engine called 'tpu'; choose one of: auto, onnxruntime, openvino"),
        ("openvino:fp8", "openvino has no precision 'fp8'; choose one of: float32, bf16, int8"),
        ("auto:int8", "auto takes no precision"),
    ],
)
def test_a_wish_that_there_is_not_says_what_there_is(kind: str, said: str) -> None:
    with pytest.raises(EngineError) as refusal:
        parse_wish(kind)
    assert said in str(refusal.value)


def test_a_bundle_that_cannot_be_written_says_so(reference: Reference, workshop: Workshop) -> None:
    (reference.bundle.path / "engines").write_text("a file")
    with pytest.raises(EngineError, match=r"engines cannot be written .*copy the bundle"):
        compile_stage(reference, "encoder", "workshop", "exact", min_agreement=0.9, progress=SILENT)


def test_parity_counts_ties_as_the_same_and_nan_as_nothing() -> None:
    wanted = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]], np.float32)
    got = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 2.0]], np.float32)
    parity = compare_scores(wanted, got)
    assert (parity.agreement, parity.largest_error) == (0.5, 0.5)
    nan = wanted * np.float32("nan")
    assert compare_scores(wanted, got, (wanted, nan)).agreement == 0


def test_speed_is_the_median_of_the_runs_at_the_best_batch(bundle: Bundle) -> None:
    times = iter([0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 10.0, 10.0, 12.0, 12.0, 14.0, 14.0, 14.0])
    real = OnnxRuntimeEngine(bundle.encoder_path, max_batch=4)
    photos = np.zeros((4, 32, 32, 3), np.uint8)
    batches = {1: {"image": photos[:1]}, 4: {"image": photos}}
    speed = measure(real, batches, budget_s=0.5, clock=lambda: next(times))
    assert (speed.latency_ms, speed.best_batch, speed.best_latency_ms) == (1000.0, 4, 2000.0)
    assert speed.rows_per_s == 2.0


def test_the_makers_are_known_by_name() -> None:
    with pytest.raises(EngineError, match="choose one of: openvino"):
        makers_module.maker("onnxruntime")
