"""Several machines in step: TensorFlow's MultiWorkerMirroredStrategy, and sums over all workers.

Keras 3's fit() does not run under that strategy, a loop of one's own does. All workers must call the same things in the
same order; a worker that has gone makes the calls of the others fail, at once where its machine says so, else when
TensorFlow has heard nothing of it for 10 seconds.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..errors import ClusterError
from .tf_config import Cluster


class Together:
    """This process as one of the workers of `cluster`, which have met. Made before TensorFlow is used."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        with self.all_there():
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy(
                tf.distribute.cluster_resolver.SimpleClusterResolver(
                    tf.train.ClusterSpec({job: list(told) for job, told in cluster.jobs.items()}),
                    task_type=cluster.job,
                    task_id=cluster.task,
                    rpc_layer="grpc",
                )
            )
        self.wants_stop = False

    @contextmanager
    def all_there(self) -> Iterator[None]:
        """Raises ClusterError where what is done within it fails for want of a worker."""
        try:
            yield
        except (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.DeadlineExceededError,
            tf.errors.CancelledError,
        ) as error:
            others = [self.cluster.named(i) for i in range(len(self.cluster)) if i != self.cluster.index]
            raise ClusterError(
                f"This is {self.cluster.named(self.cluster.index)}, and another has gone: one of {', '.join(others)}. "
                "What the chief saved last is kept; look at what the others said, and give the same command on all "
                f"again, to go on from there. ({_reason(error)})"
            ) from error

    def sum(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """The sum of the workers' arrays, of one shape and dtype: float32, float64 or int64. The same everywhere."""
        if not numbers.size:
            return numbers  # TensorFlow 2.21 crashes on a sum of nothing
        nothing = np.zeros_like(numbers)

        def part(context: Any) -> Any:
            first = (
                context.replica_id_in_sync_group % (context.num_replicas_in_sync // len(self.cluster)) == 0
            )
            return tf.convert_to_tensor(numbers if first else nothing)

        with self.all_there():
            parts = self.strategy.experimental_distribute_values_from_function(part)
            return np.asarray(self.strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None))

    def from_chief(self, content: bytes) -> bytes:
        """What the chief gives here; what others give counts for nothing."""
        own = len(content) if self.cluster.is_chief else 0
        size = int(self.sum(np.array([own], np.int64))[0])
        padded = np.zeros(-(-size // 8), np.int64)  # whole numbers, whose sums are exact
        if self.cluster.is_chief:
            padded.view(np.uint8)[:size] = np.frombuffer(content, np.uint8)
        return self.sum(padded).tobytes()[:size]

    @contextmanager
    def interrupts_agreed(self) -> Iterator[None]:
        """Within it Ctrl-C is a wish, which all workers hear of after the same step; given twice it ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield  # as under Ray, where nobody sends it
            return

        def wish(number: int, frame: Any) -> None:
            if self.wants_stop:
                raise KeyboardInterrupt
            self.wants_stop = True

        self.wants_stop = False
        before = signal.signal(signal.SIGINT, wish)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
        if self.wants_stop:  # since the last step
            raise KeyboardInterrupt


def _reason(error: tf.errors.OpError) -> str:
    """What TensorFlow says of it, without where in the graph."""
    lines = [line.strip() for line in str(error.message).splitlines() if line.strip()]
    told = [line for line in lines if "aborted" in line or "unhealthy" in line or "down" in line]
    return (told or lines or ["no more is known"])[-1][:200]
