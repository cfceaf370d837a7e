"""Several processes that train together: what they learn is what one learns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_runs import settings, write_data
from worker_processes import SCRIPT, environments

from asksight.training.learning.runs import Run
from asksight.training.learning.stored_settings import StoredSettings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("workers")
    row = write_data(folder / "row")
    return {"mlp": row, "lstm": row, "attention": write_data(folder / "grid", grid=True)}


def learn_alone(wanted: StoredSettings, out: Path, *, stop_at: int | None = None) -> None:
    from asksight.training.learning.fitting import StepsDone
    from asksight.training.learning.train_stored import train_stored

    def report(at: StepsDone) -> None:
        if at.step == stop_at:
            raise KeyboardInterrupt

    train_stored(wanted, out, report=report)


def learned(out: Path) -> tuple[list[np.ndarray[Any, Any]], list[dict[str, Any]]]:
    """The weights that were kept, with the state of dropout, and the history."""
    best = Run(out).load_best()
    assert best is not None
    return best[1], json.loads(Run(out).history.read_text())


def test_two_learn_what_one_does(made: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    """All three models, with dropout and a last batch that is shorter; and a run that one process began."""
    epochs = {"mlp": 2, "lstm": 1, "attention": 1}
    wanted = {
        arch: settings(*made[arch], arch=arch, epochs=many, batch=41, patience=0)
        for arch, many in epochs.items()
    }
    for arch, told in wanted.items():
        learn_alone(told, tmp_path / f"one-{arch}")
    with pytest.raises(KeyboardInterrupt):
        learn_alone(wanted["mlp"], tmp_path / "w0-begun", stop_at=5)
    wanted["begun"] = wanted["mlp"]
    runs = [
        json.dumps([(vars(told), str(tmp_path / f"w{index}-{name}")) for name, told in wanted.items()])
        for index in range(2)
    ]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, told],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for told, environment in zip(runs, environments(), strict=True)
    ]
    said = [one.communicate()[0] for one in workers]
    assert [one.returncode for one in workers] == [0, 0], said
    assert "resumed at step 5 of 16" in said[1]
    for name, told in wanted.items():
        alone, together = learned(tmp_path / f"one-{told.arch}"), learned(tmp_path / f"w0-{name}")
        for weights, same in zip(alone[0], together[0], strict=True):
            np.testing.assert_allclose(same, weights, rtol=0, atol=1e-6)
        for one, two in zip(alone[1], together[1], strict=True):
            assert (two["step"], two["val_exact"]) == (one["step"], one["val_exact"])
            assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
            assert two["val_loss"] == pytest.approx(one["val_loss"], abs=1e-5)
    assert not list(tmp_path.glob("w1-*"))  # only the chief writes
