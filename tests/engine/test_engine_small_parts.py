"""The fake engine, warming it, the number of cores, and quiet imports."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asksight.engine import Arrays, EngineError, EngineSpec, FakeEngine, TensorSpec
from asksight.engine.cores import available_cores
from asksight.engine.runtimes.quiet import without_lines
from asksight.engine.runtimes.warm import sizes, warm_up, warm_within

F32 = np.dtype(np.float32)
SPEC = EngineSpec(
    inputs=(TensorSpec(name="x", shape=(None, None, 2), dtype=F32),),
    outputs=(TensorSpec(name="y", shape=(None,), dtype=F32),),
    max_batch=4,
)


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine(SPEC, lambda arrays: {"y": arrays["x"].sum((1, 2))})


def test_the_fake_answers_and_remembers_batch_sizes(fake: FakeEngine) -> None:
    assert fake.infer({"x": np.ones((3, 5, 2), np.float32)})["y"].tolist() == [10, 10, 10]
    warm_up(fake, [1, 4])
    assert fake.batch_sizes == [3, 1, 4]
    assert (fake.name, fake.precision, fake.spec) == ("fake", "float32", SPEC)


def test_the_fake_fails_when_told(fake: FakeEngine) -> None:
    fake.failure = EngineError("out of memory")
    with pytest.raises(EngineError, match="out of memory"):
        warm_up(fake, [2])
    fake.failure = None
    warm_up(fake, [2])
    assert fake.batch_sizes == [2, 2]
    fake.close()
    with pytest.raises(EngineError, match="closed"):
        warm_up(fake, [2])


def test_the_fake_waits_at_its_gate(fake: FakeEngine) -> None:
    fake.gate = threading.Event()
    thread = threading.Thread(target=warm_up, args=(fake, [1]))
    thread.start()
    assert fake.entered.wait(10)
    assert thread.is_alive()
    fake.gate.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("change", "max_batch", "expected"),
    [
        ({}, 32, [1, 4]),
        ({}, 1, [1]),
        ({"slice_rows": 3}, 32, [1, 3]),  # more rows are three at a time
        ({"every_size_is_new": True}, 3, [1, 3, 2]),
    ],
)
def test_the_sizes_that_are_new_to_an_engine(
    change: dict[str, Any], max_batch: int, expected: list[int]
) -> None:
    assert sizes(replace(SPEC, **change), max_batch) == expected


@pytest.mark.parametrize(
    ("row_s", "ran"),
    [
        (0.0, [1, 4, 2, 3]),
        (0.1, [1, 4, 2, 3]),
        (0.15, [1, 4, 2]),  # after six rows there is no time for three
        (0.3, [1, 2]),  # four would be late, two are not
        (9.0, [1]),  # the first is always run
    ],
)
def test_warming_ends_before_a_size_that_would_be_late(row_s: float, ran: list[int]) -> None:
    now_s = 0.0

    def work(arrays: Arrays) -> dict[str, NDArray[Any]]:
        nonlocal now_s
        now_s += row_s * len(arrays["x"])
        return {"y": arrays["x"].sum((1, 2))}

    fake = FakeEngine(replace(SPEC, every_size_is_new=True), work)
    left_out = warm_within(fake, 4, seconds=0.95, clock=lambda: now_s)
    assert fake.batch_sizes == ran
    assert sorted([*ran, *left_out]) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 6),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("900000 100000", 6),
        ("nonsense", 6),
        ("1 0", 6),
    ],
)
def test_cores_are_the_fewer_of_affinity_and_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(6)), raising=False)
    file = tmp_path / "cpu.max"
    file.write_text(f"{quota}\n")
    assert available_cores(file) == expected
    assert available_cores(tmp_path / "missing") == 6


def test_only_marked_lines_are_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with without_lines(b"[W:noise"):
        os.write(2, b"12:00 [W:noise, file.cc] no card\nan error that matters\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "an error that matters\nafter\n"
