"""Training on stored features: it learns, it goes on where it was however it was stopped, and says what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_runs import settings, write_data

from asksight.engine import load_bundle
from asksight.training.errors import FeatureError, TrainingError, VectorError
from asksight.training.exporting.export import export_run
from asksight.training.learning.runs import Run
from asksight.training.learning.stored_settings import StoredSettings
from asksight.training.vectors import VectorTable, save_vectors


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_data(tmp_path_factory.mktemp("stored"))


def run_training(
    wanted: StoredSettings, out: Path, *, stop_at: int | None = None, **options: Any
) -> tuple[Run, list[int]]:
    from asksight.training.learning.fitting import StepsDone
    from asksight.training.learning.train_stored import train_stored

    steps: list[int] = []

    def report(at: StepsDone) -> None:
        steps.append(at.step)
        if at.step == stop_at:
            raise KeyboardInterrupt

    return train_stored(wanted, out, report=report, **options), steps


def history(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run.history.read_text())
    return rows


@pytest.mark.parametrize(("arch", "epochs"), [("mlp", 40), ("lstm", 30)])
def test_it_learns_from_words_and_features(
    made: tuple[Path, Path], tmp_path: Path, arch: str, epochs: int
) -> None:
    wanted = settings(*made, arch=arch, epochs=epochs, learning_rate=0.01, patience=0)
    run, _ = run_training(wanted, tmp_path / "run")
    exact = max(row["val_exact"]["all"] for row in history(run))
    assert exact > 0.6  # the commonest answer of each question alone would reach 0.44
    config = json.loads(run.config.read_text())
    assert (config["arch"], config["features"], config["targets"]) == (arch, str(made[1]), "modal")


def test_attention_finds_the_cell_that_tells(tmp_path: Path) -> None:
    """What is asked about lies in one cell of the grid, in another one of each photo."""
    data, store = write_data(tmp_path, grid=True)
    wanted = settings(
        data, store, arch="attention", epochs=20, learning_rate=0.01, optimizer="adam", patience=0
    )
    run, _ = run_training(wanted, tmp_path / "run")
    assert max(row["val_exact"]["all"] for row in history(run)) > 0.6  # as above
    with pytest.raises(FeatureError, match=r"holds several places \[2, 3, 6\] a photo; mlp takes one row"):
        run_training(settings(data, store), tmp_path / "other")


def test_attention_without_a_grid_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"one row \[6\] a photo; attention takes several places"):
        run_training(settings(*made, arch="attention"), tmp_path / "run")
    with pytest.raises(FeatureError, match="attention looks at photos"):
        run_training(settings(made[0], None, arch="attention"), tmp_path / "run")


def test_a_run_that_was_stopped_goes_on_and_ends_as_one_that_was_not(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    """Dropout goes on in the same random numbers, too: the figures are the same to the last digits."""
    whole, steps = run_training(settings(*made), tmp_path / "whole")
    assert steps == list(range(1, 28))
    with pytest.raises(KeyboardInterrupt):
        run_training(settings(*made), tmp_path / "stopped", stop_at=12)
    stopped, rest = run_training(settings(*made), tmp_path / "stopped")
    assert rest == list(range(13, 28))
    assert [row["step"] for row in history(stopped)] == [9, 18, 27]
    np.testing.assert_allclose(np.load(stopped.vectors), np.load(whole.vectors), atol=1e-5)
    assert history(stopped)[-1]["val_loss"] == pytest.approx(history(whole)[-1]["val_loss"], abs=1e-4)
    again, none = run_training(settings(*made), tmp_path / "stopped")
    assert none == []
    assert history(again) == history(stopped)
    with pytest.raises(TrainingError, match=r"other settings \(seed\)"):
        run_training(replace(settings(*made), seed=1), tmp_path / "stopped")


def test_the_question_alone_with_a_tenth_of_the_photos_held_out(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    said: list[str] = []
    wanted = settings(made[0], None, val_split=None, epochs=60, patience=4)
    run, _ = run_training(wanted, tmp_path / "blind", say=said.append)
    assert "258 questions" in said[0]
    assert "30 to measure on" in said[0]  # 10 of 96 photos
    rows = history(run)
    best = max(range(len(rows)), key=lambda at: rows[at]["val_exact"]["all"])
    assert len(rows) == best + 1 + 4 < 60  # it stopped by itself
    exported = export_run(run.path, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.feature_shape == (1,)
    assert exported.largest_difference < 1e-5


def test_given_vectors_stay_as_they_are(made: tuple[Path, Path], tmp_path: Path) -> None:
    words = ("what", "colour", "is", "it", "how", "many", "dots", "<unknown 0>", "<unknown 1>")
    vectors = np.random.default_rng(0).normal(size=(9, 10)).astype(np.float32)
    save_vectors(tmp_path / "vectors", VectorTable(words=words, vectors=vectors, unknown_rows=2))
    wanted = settings(*made, vectors=str(tmp_path / "vectors"), epochs=1)
    run, _ = run_training(wanted, tmp_path / "run")
    np.testing.assert_array_equal(np.load(run.vectors), vectors)
    assert tuple(run.words.read_text().splitlines()) == words
    with pytest.raises(VectorError, match="10 dimensions, but this mlp takes 300"):
        run_training(replace(wanted, word_dimension=300), tmp_path / "other")


def test_given_vectors_are_tuned_where_that_is_asked_for(made: tuple[Path, Path], tmp_path: Path) -> None:
    words = ("what", "colour", "is", "it", "how", "many", "dots", "<unknown 0>", "<unknown 1>")
    vectors = np.random.default_rng(0).normal(size=(9, 10)).astype(np.float32)
    save_vectors(tmp_path / "vectors", VectorTable(words=words, vectors=vectors, unknown_rows=2))
    wanted = settings(*made, vectors=str(tmp_path / "vectors"), tune_vectors=True, epochs=1, word_dropout=0.2)
    run, _ = run_training(wanted, tmp_path / "run")
    moved = np.abs(np.load(run.vectors) - vectors).max(axis=1)
    assert (moved > 0).all()  # of words that were dropped now and then, the last row stands in for
    assert moved.max() < 1  # from where they were


def test_answers_are_chosen_by_number_or_by_count(made: tuple[Path, Path], tmp_path: Path) -> None:
    few, _ = run_training(settings(*made, epochs=1, top_answers=3), tmp_path / "few")
    assert few.answers.read_text().split() == ["no", "0", "1"]
    often, _ = run_training(
        settings(*made, epochs=1, top_answers=None, min_answer_count=25), tmp_path / "often"
    )
    assert often.answers.read_text().split() == ["no", "0", "1", "2"]
    with pytest.raises(TrainingError, match="No answer is given 999 times"):
        run_training(settings(*made, min_answer_count=999), tmp_path / "none")


def test_a_missing_photo_is_named(made: tuple[Path, Path], tmp_path: Path) -> None:
    _, small = write_data(tmp_path / "small", train=90)
    with pytest.raises(
        FeatureError, match="no features of 6 photos that are asked about, such as image id 90"
    ):
        run_training(settings(made[0], small), tmp_path / "run")


def test_curves_are_written_for_tensorboard(made: tuple[Path, Path], tmp_path: Path) -> None:
    import tensorflow as tf

    run_training(settings(*made), tmp_path / "run", curves=tmp_path / "curves")
    files = [str(path) for path in (tmp_path / "curves").iterdir()]
    points: dict[str, list[int]] = {}
    for record in tf.data.TFRecordDataset(files):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            points.setdefault(value.tag, []).append(event.step)
    assert points["val_exact/all"] == points["val_loss"] == [9, 18, 27]
    assert points["loss"] == [1, 21]


SEVERAL = """
import os, sys, json
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np, tensorflow as tf, keras
from pathlib import Path
from asksight.training.learning.checkpoint import Checkpoint
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from asksight.training.learning.stored_learner import StoredLearner
from asksight.training.learning.stored_settings import StoredSettings
random = np.random.default_rng(0)
inputs = (
    random.integers(0, 9, (7, 4)).astype(np.int32),
    np.array([4, 3, 2, 1, 4, 4, 2], np.int32),
    random.normal(size=(7, 6)).astype(np.float32),
    random.integers(-1, 5, (7, 10)).astype(np.int32),
)
out = []
for devices in (None, ["CPU:0", "CPU:1"]):
    keras.utils.set_random_seed(0)
    told = dict(arch=sys.argv[1], data="", features="none", train_split="", val_split=None, word_dimension=8)
    sizes = {"units": 12, "dropout": 0.5} | ({"lstm_units": 8} if sys.argv[1] == "lstm" else {})
    learner = StoredLearner(
        StoredSettings(**told, sizes=sizes), words=9, vectors=None, feature_shape=(6,), answers=5, devices=devices
    )
    losses = [learner.learn(*(tf.constant(a) for a in inputs)) for _ in range(5)]
    kept = Checkpoint(Path(sys.argv[2]), learner.variables)
    kept.save(learner.step, None)
    after = [learner.learn(*(tf.constant(a) for a in inputs))]
    kept.restore()
    kept.close()
    after.append(learner.learn(*(tf.constant(a) for a in inputs)))
    out.append({"replicas": learner.strategy.num_replicas_in_sync, "losses": losses, "step": learner.step})
    out[-1]["after"] = after
print(json.dumps(out))
"""


@pytest.mark.parametrize("arch", ["mlp", pytest.param("lstm", marks=pytest.mark.slow)])
def test_two_devices_learn_as_one(arch: str, tmp_path: Path) -> None:
    (tmp_path / "several.py").write_text(SEVERAL)
    ran = subprocess.run(
        [sys.executable, tmp_path / "several.py", arch, tmp_path],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    one, two = json.loads(ran.stdout.splitlines()[-1])
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert one["step"] == two["step"] == 6
    for told in (one, two):  # put back, it takes the same step again
        assert told["after"][0] == pytest.approx(told["after"][1], rel=1e-5)
    assert one["losses"][-1] < one["losses"][0]
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-4)
