"""The model, its optimiser and the compiled functions of training on stored features: on one device, or on several.

However many devices and machines share a batch, they learn from it what one would: gradients are sums over questions,
and dropout draws one mask for the whole batch.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..cluster.together import Together
from ..models import attention, lstm, mlp
from ..models.layers import part_of_a_batch
from .stored import Batch
from .stored_settings import StoredSettings

_OPTIMIZERS = {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}


class StoredLearner:
    """Learns from batches; with several GPUs each of them takes a share of every batch (MirroredStrategy).

    With several workers, each learns from its own share of every batch (MultiWorkerMirroredStrategy).
    """

    def __init__(
        self,
        settings: StoredSettings,
        *,
        words: int,
        vectors: NDArray[Any] | None,
        feature_shape: tuple[int, ...],
        answers: int,
        devices: list[str] | None = None,
        together: Together | None = None,
    ) -> None:
        """`vectors` [V,D] are kept, or tuned; None: rows are learned. `devices` None: all GPUs, or the CPU."""
        self._together = together
        self.strategy = _strategy(devices) if together is None else together.strategy
        workers = 1 if together is None else len(together.cluster)
        self._devices = self.strategy.num_replicas_in_sync // workers  # of this machine
        self._divided = self.strategy.num_replicas_in_sync > 1
        self.stopped = False  # after the last step, by a worker that was interrupted
        all_there = (
            nullcontext() if together is None else together.all_there()
        )  # the chief's weights are sent
        with all_there, self.strategy.scope():
            self.answerer = _answerer(settings, feature_shape, answers)
            self.embedding = keras.layers.Embedding(words, settings.word_dimension, name="vectors")
            self.embedding.build((None, None))
            if vectors is not None:
                self.embedding.embeddings.assign(np.asarray(vectors, np.float32))
            self.embedding.trainable = settings.learns_vectors
            self.weights = [*self.answerer.trainable_variables, *self.embedding.trainable_variables]
            self.optimizer = _OPTIMIZERS[settings.optimizer](settings.learning_rate)
            self.optimizer.build(self.weights)
        learned = self.embedding.variables if settings.learns_vectors else []
        self.model_variables = [*self.answerer.variables, *learned]  # dropout's random state is among them
        self.variables = [*self.model_variables, *self.optimizer.variables]
        asked = [
            tf.TensorSpec((None, None), tf.int32),  # rows
            tf.TensorSpec((None,), tf.int32),  # lengths
            tf.TensorSpec((None, *feature_shape), tf.float32),
        ]
        targets, size = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((), tf.int32)
        self.signature = (*asked, targets, tf.TensorSpec((None,), tf.int32), size)  # own rows of so many
        one = (tf.TensorSpec((), tf.float32), *self.signature)  # traced once, for questions of every length
        self._all_steps = tf.function(
            self._every_replica, input_signature=one if self._devices == 1 else None
        )
        self._logits = tf.function(self._answer, input_signature=asked)

    @property
    def step(self) -> int:
        """Steps learned so far: the optimiser's own count, which changes with the weights."""
        return int(tf.convert_to_tensor(self.optimizer.iterations.value))

    def learn(
        self, rows: Any, lengths: Any, features: Any, targets: Any, own: Any = None, size: Any = None
    ) -> float:
        """One step on the rows `own` of a batch of `size` questions; the loss before it, in nats a question.

        Without `own` they are the whole batch. Raises ClusterError where a worker has gone; where one of them was
        interrupted, all know it by `stopped`.
        """
        if own is None:
            own, size = tf.range(tf.shape(rows)[0]), tf.shape(rows)[0]
        inputs = self._shares((rows, lengths, features, targets, own))
        if self._together is None:
            return float(self._all_steps(0.0, *inputs, size)[0])
        stop = float(self._together.wants_stop) / self._devices
        with self._together.all_there():
            loss, stops = self._all_steps(stop, *inputs, size).numpy()
        self.stopped = stops > 0
        return float(loss)

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """[B, A]"""
        inputs = (batch.rows, batch.lengths, batch.features)
        return np.asarray(self._logits(*(tf.convert_to_tensor(array) for array in inputs)))

    def _shares(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Where there are several devices in this machine, one share of the inputs for each."""
        if self._devices == 1:
            return inputs

        def share(array: Any) -> Any:
            return self.strategy.experimental_distribute_values_from_function(
                lambda context: array[context.replica_id_in_sync_group % self._devices :: self._devices]
            )

        return tuple(share(array) for array in inputs)

    def _every_replica(self, stop: Any, *inputs: Any) -> Any:
        """[2]: the loss, and how many workers want to stop."""
        told = self.strategy.run(lambda *share: tf.stack([self._learn(*share), stop]), args=inputs)
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, told, axis=None)

    def _learn(self, rows: Any, lengths: Any, features: Any, targets: Any, own: Any, size: Any) -> Any:
        with tf.GradientTape() as tape, part_of_a_batch(size, own) if self._divided else nullcontext():
            logits = self._answer(rows, lengths, features, training=True)
            loss = tf.reduce_sum(_cross_entropy(logits, targets)) / tf.cast(size, tf.float32)
        self.optimizer.apply(
            tape.gradient(loss, self.weights), self.weights
        )  # replicas' gradients are summed
        return loss

    def _answer(self, rows: Any, lengths: Any, features: Any, training: bool = False) -> Any:
        return self.answerer([self.embedding(rows), lengths, features], training=training)


def _cross_entropy(logits: Any, targets: Any) -> Any:
    """Against the share of each answer among those that are known: [B,A], [B,K] → [B]."""
    known = tf.cast(targets >= 0, tf.float32)
    said = tf.gather(tf.nn.log_softmax(logits), tf.maximum(targets, 0), batch_dims=1)  # [B, K]
    return -tf.reduce_sum(known * said, axis=1) / tf.maximum(tf.reduce_sum(known, axis=1), 1.0)


def _answerer(settings: StoredSettings, feature_shape: tuple[int, ...], answers: int) -> keras.Model:
    told: dict[str, Any] = {"word_dimension": settings.word_dimension, **settings.sizes}
    asked: dict[str, Any] = {"feature_shape": feature_shape, "answers": answers}
    if settings.arch == "attention":
        return attention.grid_answerer(attention.AttentionConfig(**told), **asked)
    if settings.arch == "lstm":
        return lstm.answerer(lstm.LstmConfig(**told), **asked)
    return mlp.answerer(mlp.MlpConfig(**told), **asked)


def _strategy(devices: list[str] | None) -> tf.distribute.Strategy:
    if devices is None and len(tf.config.list_logical_devices("GPU")) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices)
