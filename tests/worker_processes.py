"""Processes that train together as the workers of one cluster, for tests: how they are started, and what they run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from peers.processes import free_port
from served import shell_environment

# Each trains all runs that it is told, one after the other, on one core.
SCRIPT = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
from pathlib import Path
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(2)
from asksight.training.cluster.tf_config import read_cluster
from asksight.training.learning.stored_settings import StoredSettings
from asksight.training.learning.stored_workers import Workers
from asksight.training.learning.train_stored import train_stored
workers = Workers(read_cluster(os.environ), wait_s=120)
for told, out in json.loads(sys.argv[1]):
    train_stored(StoredSettings(**told), Path(out), workers=workers, say=lambda line: print(line, flush=True))
"""


def environments(count: int = 2) -> list[dict[str, str]]:
    """For each worker of a cluster on this machine."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)]
    return [
        {
            **shell_environment(),
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            ),
        }
        for index in range(count)
    ]


def started(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """One worker; what it says, on both streams, goes into `log`."""
    with log.open("wb") as file:
        return subprocess.Popen(
            list(map(str, command)), env=environment, stdout=file, stderr=subprocess.STDOUT
        )


def scripted(told: object) -> list[str | Path]:
    """The command that trains these runs, each (settings, folder)."""
    return [sys.executable, "-c", SCRIPT, json.dumps(told)]
