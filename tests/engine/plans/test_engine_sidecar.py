"""Sidecars: written and read back, and held against this machine, each difference in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asksight.engine.bundle.files import record_file
from asksight.engine.plans.machine import cpu, fingerprint, package
from asksight.engine.plans.sidecar import (
    DamagedSidecarError,
    Sidecar,
    damaged_file,
    dump_sidecar,
    mismatch,
    parse_sidecar,
    plans,
)

MACHINE = {"openvino": "2026.4.1", "cpu": "Some CPU", "features": "avx2 amx_bf16"}
SIDECAR = Sidecar(
    stage="encoder",
    engine="openvino",
    precision="bf16",
    machine=MACHINE,
    graph_sha256="ab" * 32,
    files={},
    max_batch=32,
    build_s=1.5,
    latency_ms=20.0,
    best_batch=8,
    best_latency_ms=100.0,
    rows_per_s=80.0,
    reference_rows_per_s=20.0,
    largest_error=0.01,
    agreement=0.998,
    samples=512,
    kept_float32=("fc1",),
)


def test_a_sidecar_comes_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "plan.xml").write_bytes(b"1234")
    sidecar = replace(SIDECAR, files={"plan.xml": record_file(tmp_path / "plan.xml")})
    assert parse_sidecar(dump_sidecar(sidecar)) == sidecar
    assert sidecar.bytes == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"schema": 1}',
        dump_sidecar(SIDECAR).replace('"schema": 1', '"schema": 2'),
        dump_sidecar(SIDECAR).replace('"agreement": 0.998', '"agreement": "much"'),
        dump_sidecar(SIDECAR).replace('"stage"', '"stages"'),
        dump_sidecar(SIDECAR)[:100],
    ],
)
def test_a_sidecar_that_is_none_is_said_to_be(text: str) -> None:
    with pytest.raises(DamagedSidecarError):
        parse_sidecar(text)


def test_a_plan_of_this_machine_fits() -> None:
    assert mismatch(SIDECAR, machine=dict(MACHINE), graph_sha256="ab" * 32) is None


@pytest.mark.parametrize(
    ("machine", "graph", "said"),
    [
        (MACHINE, "cd" * 32, "it was built from another ONNX file"),
        (
            MACHINE | {"openvino": "2027.1"},
            "ab" * 32,
            "built with openvino '2026.4.1', and here it is '2027.1'",
        ),
        (MACHINE | {"cpu": "Other"}, "ab" * 32, "built with cpu 'Some CPU', and here it is 'Other'"),
        (MACHINE | {"gpu": "H200"}, "ab" * 32, "built with gpu 'none', and here it is 'H200'"),
    ],
)
def test_each_difference_is_named(machine: dict[str, str], graph: str, said: str) -> None:
    assert said in (mismatch(SIDECAR, machine=machine, graph_sha256=graph) or "")


def test_a_plan_that_was_cut_short_or_altered_is_found(tmp_path: Path) -> None:
    file = tmp_path / "plan.bin"
    file.write_bytes(b"12345678")
    sidecar = replace(SIDECAR, files={"plan.bin": record_file(file)})
    assert damaged_file(tmp_path, sidecar) is None
    file.write_bytes(b"1234")
    assert damaged_file(tmp_path, sidecar) == "plan.bin has 4 bytes of 8: it was cut short or altered"
    file.write_bytes(b"12345679")
    assert damaged_file(tmp_path, sidecar) == "plan.bin was altered"
    file.unlink()
    assert "plan.bin cannot be read" in (damaged_file(tmp_path, sidecar) or "")


def test_plans_are_found_by_stage_and_damaged_ones_say_so(tmp_path: Path) -> None:
    assert list(plans(tmp_path, "encoder")) == []
    for name in ("encoder.openvino.bf16.aa", "encoder.openvino.int8.aa", "answerer.openvino.bf16.aa"):
        (tmp_path / "engines" / name).mkdir(parents=True)
    (tmp_path / "engines" / "encoder.openvino.bf16.aa" / "sidecar.json").write_text(dump_sidecar(SIDECAR))
    (tmp_path / "engines" / "encoder.openvino.float32.aa").write_text("a file")
    first, second = plans(tmp_path, "encoder")
    assert (first.sidecar, first.damage) == (SIDECAR, None)
    assert second.sidecar is None
    assert "sidecar.json" in (second.damage or "")


def test_the_cpu_is_told_by_name_and_by_what_it_can(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(
        "processor : 0\nmodel name\t: Intel X\nflags\t\t: fpu avx2 amx_bf16 sse\n\nmodel name: Y\n"
    )
    assert cpu(info) == {"cpu": "Intel X", "features": "avx2 amx_bf16"}
    assert set(cpu(tmp_path / "none")) == {"cpu", "features"}
    assert package("no-such-package") == "none"


def test_a_fingerprint_depends_on_the_content_and_not_on_its_order() -> None:
    turned = dict(reversed(MACHINE.items()))
    assert fingerprint(MACHINE) == fingerprint(turned)
    assert fingerprint(MACHINE) != fingerprint(MACHINE | {"cpu": "Other"})
    assert len(fingerprint(MACHINE)) == 12
