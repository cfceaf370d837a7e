"""Processes that train together as the workers of one cluster, for tests: their environments, and what they run."""

from __future__ import annotations

import json

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
