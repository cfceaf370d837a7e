"""Several processes that train together begin once all are there and have read the same; else each says why not."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stored_runs import settings, write_data
from worker_processes import environments

from asksight.training.cluster.tf_config import Cluster, read_cluster
from asksight.training.errors import ClusterError, TrainingError
from asksight.training.learning.stored_settings import StoredSettings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_data(tmp_path_factory.mktemp("workers"))


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
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    data, store = made
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
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    said = refused(settings(*made), tmp_path / "run", clusters()[0], 0.5)
    assert said.startswith("After 0.5 s this is worker 0 (127.0.0.1:")
    assert "Connection refused. Give the same command on every machine" in said
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_at_the_chief_is_told_to_all(made: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").touch()
    wanted, workers = settings(*made), clusters()

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
