"""Several processes that train together: what they learn is what one learns, and none waits for one that has gone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_runs import settings, write_data
from waiting import until
from worker_processes import environments, scripted, started

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
    workers = [
        started(
            scripted([(vars(told), str(tmp_path / f"w{index}-{name}")) for name, told in wanted.items()]),
            environment,
            tmp_path / f"w{index}.log",
        )
        for index, environment in enumerate(environments())
    ]
    for index, worker in enumerate(workers):
        assert worker.wait() == 0, (tmp_path / f"w{index}.log").read_text()
    assert "resumed at step 5 of 16" in (tmp_path / "w1.log").read_text()
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


def both(made: dict[str, tuple[Path, Path]], folder: Path, name: str) -> list[subprocess.Popen[bytes]]:
    """Two workers that have learned for two epochs."""
    logs = [folder / f"{name}{index}.log" for index in range(2)]
    outs = folder / "run", folder / "nothing"
    workers = [
        started(command(made, out), environment, log)
        for out, environment, log in zip(outs, environments(), logs, strict=True)
    ]
    until(
        lambda: logs[1].read_text().count("val loss") >= 2 or any(one.poll() is not None for one in workers)
    )
    assert [one.poll() for one in workers] == [None, None], logs[0].read_text() + logs[1].read_text()
    return workers


def test_one_that_is_stopped_or_dies_ends_the_others_and_the_chief_keeps_the_run(
    made: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """Ctrl-C at one loses no step; kill -9 loses those since the last save; the same command goes on after both."""
    workers = both(made, tmp_path, "stopped")
    workers[1].send_signal(signal.SIGINT)
    assert [one.wait(ENDS_S) for one in workers] == [130, 130]
    workers = both(made, tmp_path, "killed")
    said = (tmp_path / "killed1.log").read_text()
    assert int(said.split("resumed at step ")[1].split()[0]) > 72  # two epochs
    workers[1].kill()
    assert workers[0].wait(ENDS_S) == 1
    assert workers[1].wait() == -signal.SIGKILL
    said = (tmp_path / "killed0.log").read_text()
    assert "This is worker 0 (127.0.0.1:" in said
    assert "another has gone: one of worker 1 (127.0.0.1:" in said
    assert "give the same command on all again" in said
    assert "Traceback" not in said
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
    workers = both(made, tmp_path, "frozen")
    workers[frozen].send_signal(signal.SIGSTOP)
    try:
        assert workers[1 - frozen].wait(ENDS_S) == 1
    finally:
        workers[frozen].kill()
        workers[frozen].wait()
    assert "another has gone" in (tmp_path / f"frozen{1 - frozen}.log").read_text()


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
