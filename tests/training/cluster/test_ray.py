"""Workers that Ray starts on this machine: they learn and see what one process does, and end in words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from served import shell_environment
from stored_runs import write_data

from asksight.training.learning.runs import Run
from asksight.training.scenes.make_scenes import make_split

pytestmark = pytest.mark.slow


def asksight(*arguments: str | Path, code: int = 0, folder: Path | None = None) -> str:
    """What a command says, which must end with that code."""
    ran = subprocess.run(
        ["asksight", *map(str, arguments)],
        env={**shell_environment(), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        cwd=folder,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_two_workers_of_ray_learn_what_one_process_does(tmp_path: Path) -> None:
    data, store = write_data(tmp_path)
    sizes = ("--units", "24", "--dimension", "10", "--batch", "41", "--epochs", "2")
    command = ("train", "--arch", "mlp", "--data", data, "--features", store, *sizes)
    asksight(*command, "--out", tmp_path / "alone")
    near = [one.relative_to(tmp_path) if isinstance(one, Path) else one for one in command]
    said = asksight(*near, "--out", "together", "--ray", folder=tmp_path)  # paths as the docs write them
    assert "this is worker 0 (" in said
    assert "together is trained. Next: asksight evaluate" in said
    alone, together = (Run(tmp_path / name).load_best() for name in ("alone", "together"))
    assert alone is not None
    assert together is not None
    for one, two in zip(alone[1], together[1], strict=True):
        np.testing.assert_allclose(two, one, rtol=0, atol=1e-6)
    said = asksight(*command, "--out", tmp_path / "none", "--min-answer-count", "999", "--ray", code=1)
    assert "asksight: No answer is given 999 times; lower --min-answer-count." in said
    assert "Traceback" not in said
    assert not (tmp_path / "none").exists()


def test_three_parts_on_ray_are_the_store_of_one_process(tmp_path: Path) -> None:
    data = tmp_path / "scenes"
    for split, pictures in (("train", 21), ("val", 5)):
        make_split(data, split, pictures=pictures, seed=1, processes=1)
    command = ("features", "--data", data, "--encoder", "scenes", "--batch", "4")
    asksight(*command, "--out", tmp_path / "one")
    asksight(*command, "--out", tmp_path / "parts", "--ray", "--workers", "3")
    one, parts = (
        {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}
        for out in (tmp_path / "one", tmp_path / "parts")
    )
    assert parts == one
    photo = sorted((data / "train").glob("*.*"))[9]
    photo.write_bytes(b"no photo")
    said = asksight(*command, "--out", tmp_path / "bad", "--ray", code=1)
    assert f"{photo.name}" in said
    assert "leave such entries out with --skip-bad" in said
    assert "Traceback" not in said
