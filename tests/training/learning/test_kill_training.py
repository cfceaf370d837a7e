"""Training, killed -9 at random moments and begun again: it loses its last step alone, and ends as if never killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from stored_runs import settings, write_data

from asksight.training.datasets.photo_reader import square_reader
from asksight.training.learning.runs import Run, TrainSettings
from asksight.training.measuring.familiar_run import familiar_record
from asksight.training.scenes.make_scenes import make_split

if TYPE_CHECKING:
    from asksight.training.learning.fitting import StepsDone

# On one core, so that sums are in the same order each time. Every step is saved, as where steps are long; how often
# short ones are, test_checkpoint.py tells.
SCRIPT = """
import os, sys, json
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
from pathlib import Path
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.experimental.enable_op_determinism()
from asksight.training.datasets.photo_reader import square_reader
from asksight.training.learning import checkpoint
from asksight.training.learning.runs import TrainSettings
from asksight.training.learning.stored_settings import StoredSettings
from asksight.training.learning.train import train
from asksight.training.learning.train_stored import train_stored
checkpoint.REST = 0
told, most = json.loads(sys.argv[1]), int(sys.argv[2])
def report(at):
    print(at.first, at.step, at.loss, flush=True)
    if at.step - at.first == most:
        sys.stdin.read()  # to be killed; it may be late
for out in map(Path, sys.argv[3:]):
    if "features" in told:
        train_stored(StoredSettings(**told), out, report=report)
    else:
        train(TrainSettings(**told), out, read=square_reader(32), report=report)
    print("done", flush=True)
"""
PHOTOS = {  # a small model, and 20 steps
    "epochs": 2,
    "side": 32,
    "min_word_count": 1,
    "photos_per_batch": 4,
    "sizes": {"channels": (8, 12, 16), "word_dimension": 12, "phrase_units": 16, "heard_units": 16},
}


def command(folder: Path, told: dict[str, Any]) -> list[str]:
    """A command that trains a small model, but for how many steps it takes at most, and for its run folders."""
    (folder / "train.py").write_text(SCRIPT)
    return [sys.executable, str(folder / "train.py"), json.dumps(told)]


def killed(arguments: list[str], out: Path, lines: int, delay_s: float) -> list[list[str]]:
    """What it has said, killed a moment after so many steps: within one, or a save, or a look at validation."""
    with subprocess.Popen(
        [*arguments, str(lines + 3), out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        return [line.split() for line in said + process.stdout.readlines()]


def test_kill_9_loses_only_the_last_step(tmp_path: Path) -> None:
    """Killed twice, it ends as a run that was not; a step lost or taken twice would show in the third digit."""
    arguments = command(tmp_path, vars(settings(*write_data(tmp_path))))
    out, whole = tmp_path / "killed", tmp_path / "whole"
    random, reached = np.random.default_rng(8), 0
    for _ in range(2):
        said = killed(arguments, out, int(random.integers(1, 5)), random.uniform(0, 0.01))
        first, steps = int(said[0][0]), [int(line[1]) for line in said]
        assert first in (reached, reached + 1)  # one that is saved may not have been told
        assert steps == list(range(first + 1, first + 1 + len(steps)))
        reached = steps[-1]
    ended = subprocess.run(
        [*arguments, "0", out, whole], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    resumed, unbroken, _ = ([line.split() for line in run.splitlines()] for run in ended.split("done\n"))
    assert int(resumed[0][0]) in (reached, reached + 1)
    assert len(unbroken) == 27
    same = unbroken[27 - len(resumed) :]
    assert [int(row[1]) for row in resumed] == [int(row[1]) for row in same]
    assert [float(row[2]) for row in resumed] == pytest.approx([float(row[2]) for row in same], abs=1e-4)
    np.testing.assert_allclose(np.load(out / "vectors.npy"), np.load(whole / "vectors.npy"), atol=1e-4)
    history, wanted = (json.loads((folder / "history.json").read_text()) for folder in (out, whole))
    assert [row["step"] for row in history] == [9, 18, 27]
    losses = [[row[loss] for row in rows] for rows in (history, wanted) for loss in ("loss", "val_loss")]
    assert losses[:2] == [pytest.approx(row, abs=1e-4) for row in losses[2:]]


@pytest.mark.slow
def test_so_it_does_when_it_learns_from_photos(tmp_path: Path) -> None:
    for split, pictures in (("train", 40), ("val", 8)):
        make_split(tmp_path / "scenes", split, pictures=pictures, seed=1, processes=1)
    told: dict[str, Any] = PHOTOS | {"data": str(tmp_path / "scenes")}
    reached = int(killed(command(tmp_path, told), tmp_path / "killed", 7, 0.004)[-1][1])
    resumed, run = learn(told, tmp_path / "killed")
    unbroken, whole = learn(told, tmp_path / "whole")
    assert resumed[0].first in (reached, reached + 1)
    assert [at.step for at in resumed] == list(range(resumed[0].first + 1, 21))
    assert [at.step for at in unbroken] == list(range(1, 21))
    assert unbroken[-1].loss < 0.99 * unbroken[0].loss
    # Sums in other orders, by threads, differ in the last bits, and those grow with the steps.
    assert resumed[-1].loss == pytest.approx(unbroken[-1].loss, abs=5e-3)
    np.testing.assert_allclose(np.load(run.vectors), np.load(whole.vectors), atol=5e-3)
    assert [row["step"] for row in json.loads(run.history.read_text())] == [10, 20]
    known = familiar_record(whole)
    assert known is not None
    assert known.familiar.smallest_side == 128  # of a scene


def learn(told: dict[str, Any], out: Path) -> tuple[list[StepsDone], Run]:
    from asksight.training.learning.train import train

    steps: list[StepsDone] = []
    return steps, train(TrainSettings(**told), out, read=square_reader(32), report=steps.append)
