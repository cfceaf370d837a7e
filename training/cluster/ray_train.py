"""Starts the workers of a training with Ray Train, which gives each its TF_CONFIG; what they do is what it always is.

Each worker writes and reads where the command would: `out` and the store are paths on the workers' machines.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError, TrainingError
from ..learning.runs import Run
from .ray_start import ray_cluster
from .tf_config import read_cluster

if TYPE_CHECKING:
    from ..datasets.bad_entries import BadEntries
    from ..learning.stored_settings import StoredSettings


def train_with_ray(
    settings: StoredSettings,
    out: Path,
    *,
    workers: int,
    wait_s: float,
    max_risk: float,
    problems: BadEntries,
    curves: Path,
    say: Callable[[str], None],
) -> None:
    """Train `out` with so many workers, each with a GPU where the cluster has as many. Raises what a worker raises.

    `say` is told what worker 0 says; `problems`, whether bad entries are left out, are counted there.
    """
    with ray_cluster(workers), tempfile.TemporaryDirectory() as notes, _lines(say) as lines:
        import ray
        from ray.train import RunConfig, ScalingConfig, TrainingFailedError, WorkerGroupError
        from ray.train.tensorflow import TensorflowTrainer

        told = {
            "settings": settings,
            "out": out.absolute(),
            "wait_s": wait_s,
            "max_risk": max_risk,
            "problems": problems,
            "curves": curves.absolute(),
            "lines": lines,
            "folder": Path.cwd(),
        }
        gpus = ray.cluster_resources().get("GPU", 0) >= workers
        trainer = TensorflowTrainer(
            _work,
            train_loop_config=told,
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
            run_config=RunConfig(name="asksight", storage_path=notes),
        )
        try:
            trainer.fit()
        except WorkerGroupError as error:
            raise _first(error.worker_failures) from error
        except TrainingFailedError as error:
            raise ClusterError(f"Ray could not train: {error}") from error
    if not Run(out).calibration.exists():
        raise ClusterError(
            f"The run was written to {out.absolute()} on the machine of worker 0, which is not this one."
        )


def _work(told: dict[str, Any]) -> None:
    """What each of Ray's workers does."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # which Ray sets, and Keras 3 knows nothing of
    if told["folder"].is_dir():
        os.chdir(told["folder"])  # the run keeps its paths as they were given; Ray has a folder of its own
    from ..learning.stored_workers import Workers
    from ..learning.train_stored import train_stored

    cluster = read_cluster(os.environ)
    chief = cluster is None or cluster.is_chief
    train_stored(
        told["settings"],
        told["out"],
        workers=None if cluster is None else Workers(cluster, wait_s=told["wait_s"]),
        max_risk=told["max_risk"],
        problems=told["problems"],
        curves=told["curves"],
        say=told["lines"].put if chief else lambda line: None,
    )


@contextmanager
def _lines(say: Callable[[str], None]) -> Iterator[Any]:
    """A queue whose lines are said here, wherever they are put."""
    from ray.util.queue import Queue

    lines = Queue(actor_options={"num_cpus": 0})

    def pass_on() -> None:
        while (line := lines.get()) is not None:
            say(line)

    passing = threading.Thread(target=pass_on, daemon=True)
    passing.start()
    try:
        yield lines
    finally:
        lines.put(None)
        passing.join()
        lines.shutdown()


def _first(failures: dict[int, Exception]) -> Exception:
    """What is to be said: rather what went wrong with one than that it went."""
    found = [getattr(failure, "cause", failure) for _, failure in sorted(failures.items())]
    known = [one for one in found if isinstance(one, TrainingError)]
    own = [one for one in known if not isinstance(one, ClusterError)]
    return (own or known or found)[0]
