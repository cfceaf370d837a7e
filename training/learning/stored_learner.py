"""The model, its optimiser and the compiled functions of training on stored features, on one device or several."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..models import attention, lstm, mlp
from .stored import Batch
from .stored_settings import StoredSettings

_OPTIMIZERS = {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}


class StoredLearner:
    """Learns from batches; with several GPUs each of them takes a share of every batch (MirroredStrategy)."""

    def __init__(
        self,
        settings: StoredSettings,
        *,
        words: int,
        vectors: NDArray[Any] | None,
        feature_shape: tuple[int, ...],
        answers: int,
        devices: list[str] | None = None,
    ) -> None:
        """`vectors` [V,D] are kept, or tuned; None: rows are learned. `devices` None: all GPUs, or the CPU."""
        self.strategy = _strategy(devices)
        with self.strategy.scope():
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
        self.signature = (*asked, tf.TensorSpec((None, None), tf.int32))  # targets
        one = (tf.TensorSpec((), tf.float32), *self.signature)  # traced once, for questions of every length
        self._all_steps = tf.function(
            self._every_replica, input_signature=one if self.strategy.num_replicas_in_sync == 1 else None
        )
        self._logits = tf.function(self._answer, input_signature=asked)

    @property
    def step(self) -> int:
        """Steps learned so far: the optimiser's own count, which changes with the weights."""
        return int(tf.convert_to_tensor(self.optimizer.iterations.value))

    def learn(self, *inputs: Any) -> float:
        """One step on (rows, lengths, features, targets); the loss before it, in nats a question."""
        return float(self._all_steps(*self._shares(inputs)))

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """[B, A]"""
        inputs = (batch.rows, batch.lengths, batch.features)
        return np.asarray(self._logits(*(tf.convert_to_tensor(array) for array in inputs)))

    def _shares(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """(questions in the batch, inputs), where there are several devices one share for each."""
        size = tf.cast(tf.shape(inputs[0])[0], tf.float32)
        parts = self.strategy.num_replicas_in_sync
        if parts == 1:
            return (size, *inputs)

        def share(array: Any) -> Any:
            return self.strategy.experimental_distribute_values_from_function(
                lambda context: array[context.replica_id_in_sync_group :: parts]
            )

        return (size, *(share(array) for array in inputs))

    def _every_replica(self, size: Any, *inputs: Any) -> Any:
        losses = self.strategy.run(self._learn, args=(size, *inputs))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _learn(self, size: Any, rows: Any, lengths: Any, features: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self._answer(rows, lengths, features, training=True)
            loss = tf.reduce_sum(_cross_entropy(logits, targets)) / size  # replicas' gradients are summed
        self.optimizer.apply(tape.gradient(loss, self.weights), self.weights)
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
