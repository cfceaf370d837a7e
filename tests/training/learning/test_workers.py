"""Several processes that train together: what they learn is what one learns, and none waits for one that has gone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_runs import settings, write_data
from worker_processes import SCRIPT, environments

from asksight.training.cluster.tf_config import Cluster, read_cluster
from asksight.training.errors import ClusterError, TrainingError
from asksight.training.learning.runs import Run
from asksight.training.learning.stored_settings import StoredSettings

ENDS_S = 60  # for the others of one that has gone; the docs say 20, on machines that do nothing else


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


def command(made: dict[str, tuple[Path, Path]], out: Path, *more: str) -> list[str | Path]:
    """Trains until it is stopped."""
    data, store = made["mlp"]
    sizes = ("--units", "24", "--dimension", "10", "--batch", "8", "--epochs", "100000", "--patience", "0")
    return [
        "asksight",
        "train",
        "--arch",
        "mlp",
        "--data",
        data,
        "--features",
        store,
        "--out",
        out,
        *sizes,
        *more,
    ]


@contextmanager
def both(
    made: dict[str, tuple[Path, Path]], folder: Path
) -> Iterator[tuple[list[subprocess.Popen[str]], str]]:
    """Two workers that have learned for two epochs, and what the second has said until then."""
    workers = [
        subprocess.Popen(
            list(map(str, command(made, folder / out))),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for out, environment in zip(("run", "nothing"), environments(), strict=True)
    ]
    try:
        stream, said = workers[1].stdout, ""
        assert stream is not None
        while said.count("val loss") < 2 and (line := stream.readline()):
            said += line
        assert said.count("val loss") == 2, said
        yield workers, said
    finally:
        for one in workers:
            one.kill()
            one.communicate()


def test_one_that_is_stopped_or_dies_ends_the_others_and_the_chief_keeps_the_run(
    made: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """Ctrl-C at one loses no step; kill -9 loses those since the last save; the same command goes on after both."""
    with both(made, tmp_path) as (workers, _):
        workers[1].send_signal(signal.SIGINT)
        for one in workers:
            said, _ = one.communicate(timeout=ENDS_S)
            assert (one.returncode, "Traceback" in said) == (130, False), said
    with both(made, tmp_path) as (workers, said):
        assert int(said.split("resumed at step ")[1].split()[0]) > 72  # two epochs
        workers[1].kill()
        told, _ = workers[0].communicate(timeout=ENDS_S)
    assert workers[0].returncode == 1
    assert "This is worker 0 (127.0.0.1:" in told
    assert "another has gone: one of worker 1 (127.0.0.1:" in told
    assert "give the same command on all again" in told
    assert "Traceback" not in told
    kept = json.loads((tmp_path / "run" / "history.json").read_text())
    assert len(kept) >= 4
    assert (tmp_path / "run" / "state.synced").exists()
    assert not (tmp_path / "nothing").exists()


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [0, 1])
def test_one_that_says_nothing_any_more_ends_the_others(
    made: dict[str, tuple[Path, Path]], tmp_path: Path, frozen: int
) -> None:
    """As where a machine loses power, or its network."""
    with both(made, tmp_path) as (workers, _):
        workers[frozen].send_signal(signal.SIGSTOP)
        said, _ = workers[1 - frozen].communicate(timeout=ENDS_S)
    assert workers[1 - frozen].returncode == 1
    assert "another has gone" in said


def clusters() -> list[Cluster]:
    """As each of two workers sees it."""
    found = [read_cluster(environment) for environment in environments()]
    return [cluster for cluster in found if cluster is not None]


def refused(wanted: StoredSettings, out: Path, cluster: Cluster, wait_s: float) -> str:
    """What a worker says that does not come to its first step."""
    from asksight.training.learning.stored_workers import Workers
    from asksight.training.learning.train_stored import train_stored

    with pytest.raises(ClusterError) as raised:
        train_stored(wanted, out, workers=Workers(cluster, wait_s=wait_s))
    return str(raised.value)


def test_other_features_on_one_machine_are_named_before_the_first_step(
    made: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    data, store = made["mlp"]
    shutil.copytree(store, tmp_path / "store")
    features = tmp_path / "store" / "train2014" / "features.npy"
    features.write_bytes(features.read_bytes()[:-2] + b"\x00\x3c")
    wanted = [settings(data, store), settings(data, tmp_path / "store")]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(refused, wanted, [tmp_path / "run"] * 2, clusters(), [60.0] * 2))
    for index, text in enumerate(said):
        assert text.startswith(f"Worker {1 - index} (127.0.0.1:")
        assert "differs from this one in the features of train2014. All workers read the same data" in text
    assert not (tmp_path / "run").exists()


def test_without_the_others_it_ends_in_words_and_leaves_nothing(
    made: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    said = refused(settings(*made["mlp"]), tmp_path / "run", clusters()[0], 0.5)
    assert said.startswith("After 0.5 s this is worker 0 (127.0.0.1:")
    assert "Connection refused. Give the same command on every machine" in said
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_at_the_chief_is_told_to_all(
    made: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").touch()
    wanted, workers = settings(*made["mlp"]), clusters()

    def chief() -> None:
        from asksight.training.learning.stored_workers import Workers
        from asksight.training.learning.train_stored import train_stored

        with pytest.raises(TrainingError, match="holds something else"):
            train_stored(wanted, tmp_path / "run", workers=Workers(workers[0], wait_s=60))

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(chief)
        said = refused(wanted, tmp_path / "none", workers[1], 60)
        told.result()
    assert said.startswith("Worker 0 (127.0.0.1:")
    assert "cannot begin:" in said
    assert "holds something else (letter.txt)" in said
