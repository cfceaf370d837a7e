"""Both stages together: a pair that loses too much is refused, though each of its stages alone loses little enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle
from numpy.typing import NDArray

from asksight.engine import Arrays, Engine, EngineError, FakeEngine
from asksight.engine.bundle.samples import made_up_samples
from asksight.engine.plans.compile import Compiled, Reference, compile_stage
from asksight.engine.plans.makers import MAKERS, BuildSpec, Maker
from asksight.engine.plans.progress import Progress
from asksight.engine.plans.sidecar import SIDECAR, STAGES, dump_sidecar, plans
from asksight.engine.plans.together import AgreedPlans, hold_together
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

SILENT = Progress(lambda line: None)
ENCODER_LOSES, ANSWERER_LOSES = range(20, 26), range(4)  # of 64 photos and their 64 questions


class Workshop:
    """A maker whose "lossy" plans answer some rows wrong: the encoder's others than the answerer's."""

    def __init__(self) -> None:
        self.float32_is_exact = True

    def build(self, spec: BuildSpec) -> tuple[str, ...]:
        (spec.folder / f"{spec.graph.stem}.onnx").write_bytes(spec.graph.read_bytes())
        return ()

    def open(self, folder: Path, precision: str, max_batch: int, threads: int | None) -> Engine:
        (graph,) = folder.glob("*.onnx")
        real = OnnxRuntimeEngine(graph, max_batch=max_batch, threads=threads)
        loses = ENCODER_LOSES if graph.stem == "encoder" else ANSWERER_LOSES
        exact = precision == "float32" and self.float32_is_exact
        rows_before = 0

        def infer(arrays: Arrays) -> dict[str, NDArray[Any]]:
            nonlocal rows_before
            got = dict(real.infer(arrays))
            for name, array in got.items():
                wrong = [row for row in range(len(array)) if row + rows_before in loses and not exact]
                got[name] = array.copy()
                got[name][wrong] *= np.float32(-50)
                rows_before += len(array)
            return got

        return FakeEngine(real.spec, infer, name="workshop")


def machine() -> Mapping[str, str]:
    return {"workshop": "1"}


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    shop = Workshop()
    made = Maker(
        name="workshop", precisions=("float32", "lossy"), machine=machine, build=shop.build, open=shop.open
    )
    monkeypatch.setitem(MAKERS, "workshop", made)
    return shop


@pytest.fixture
def reference(tmp_path: Path) -> Iterator[Reference]:
    bundle = write_random_bundle(tmp_path / "bundle")
    made = Reference(bundle, made_up_samples(bundle, photos=64, questions=64), max_batch=4, threads=1)
    yield made
    made.close()


def build(reference: Reference) -> dict[str, Compiled]:
    """Both stages, lossy; as fast as `auto` wants them."""
    made = {}
    for stage in STAGES:
        one = compile_stage(reference, stage, "workshop", "lossy", min_agreement=0.5, progress=SILENT)
        fast = replace(one.sidecar, rows_per_s=2 * one.sidecar.reference_rows_per_s)
        (plan,) = plans(reference.bundle.path, stage)
        (plan.path / SIDECAR).write_text(dump_sidecar(fast))
        made[stage] = Compiled(sidecar=fast)
    return made


def hold(reference: Reference, made: dict[str, Compiled], least: float, said: list[str]) -> AgreedPlans:
    return hold_together(
        reference, made, "workshop", "lossy", min_agreement=least, progress=Progress(said.append)
    )


def kept(reference: Reference) -> list[str]:
    return [
        plan.path.name.rsplit(".", 1)[0] for stage in STAGES for plan in plans(reference.bundle.path, stage)
    ]


def alone(made: dict[str, Compiled]) -> float:
    """What each stage keeps by itself; a pair keeps less, since they lose different rows."""
    agreements = [one.sidecar.agreement for one in made.values()]
    assert max(agreements) < 1
    return min(agreements)


def test_a_pair_that_agrees_is_kept_and_told(reference: Reference, workshop: Workshop) -> None:
    made = build(reference)
    said: list[str] = []
    lost = sum(1 - one.sidecar.agreement for one in made.values())
    held = hold(reference, made, 0.5, said)
    (pair,) = held.pairs
    assert pair.name == "workshop lossy and workshop lossy"
    assert pair.parity.agreement == pytest.approx(1 - lost)
    assert pair.parity.samples == 64
    assert (held.failures, held.compiled) == ((), made)
    assert [line.rsplit(",", 1)[0] for line in said] == [f"both: {pair.name}: comparing with float32"]


def test_a_pair_that_loses_too_much_has_its_weaker_stage_built_in_float32(
    reference: Reference, workshop: Workshop
) -> None:
    made = build(reference)
    said: list[str] = []
    weaker = min(STAGES, key=lambda stage: made[stage].sidecar.agreement)
    held = hold(reference, made, alone(made), said)
    assert any("lossy and workshop lossy are refused together" in line for line in said)
    assert sorted(kept(reference)) == sorted(
        f"{stage}.workshop.{'float32' if stage == weaker else 'lossy'}" for stage in STAGES
    )
    assert held.compiled[weaker].refused == made[weaker].sidecar
    assert held.failures == ()
    assert all(pair.parity.agreement >= alone(made) for pair in held.pairs)


def test_where_float32_does_not_agree_either_the_stage_is_left_to_onnxruntime(
    reference: Reference, workshop: Workshop
) -> None:
    made = build(reference)
    workshop.float32_is_exact = False
    weaker = min(STAGES, key=lambda stage: made[stage].sidecar.agreement)
    held = hold(reference, made, alone(made), [])
    assert held.pairs == ()
    assert set(held.compiled) == {*STAGES} - {weaker}
    (failure,) = held.failures
    assert failure.startswith(f"The {weaker} is lost on workshop float32: of both stages together")
    assert "stays on onnxruntime" in failure
    assert kept(reference) == [f"{stage}.workshop.lossy" for stage in STAGES if stage != weaker]


def test_a_plan_of_another_machine_is_no_part_of_a_pair(
    reference: Reference, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Mapping[str, str]:
        raise EngineError("The workshop is shut.")

    made = build(reference)
    monkeypatch.setitem(MAKERS, "workshop", replace(MAKERS["workshop"], machine=missing))
    held = hold(reference, made, 1.0, [])
    assert (held.pairs, held.compiled) == ((), made)


def test_one_stage_alone_was_compared_already(reference: Reference, workshop: Workshop) -> None:
    made = build(reference)
    for plan in plans(reference.bundle.path, "answerer"):
        (plan.path / SIDECAR).unlink()
    del made["answerer"]
    assert hold(reference, made, 1.0, []).pairs == ()
