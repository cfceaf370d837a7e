"""The tutorial's first model: the question as a bag of words beside the photo, and three dense layers.

    question [N,T,300] → summed [N,300] ⊕ features [N,4096] → 3 x (Dense 1024, tanh, dropout) → logits [N,1000]

S. Wadhwa 2018, "Visual Question Answering with Keras", FloydHub; there softmax ends the model, here it follows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers, ops

from .layers import BatchDropout, LengthMask
from .sizes import MlpSizes


@dataclass(frozen=True, kw_only=True)
class MlpConfig(MlpSizes):
    """The sizes; all of them the tutorial's."""

    word_dimension: int = 300


def answerer(config: MlpConfig, *, feature_shape: tuple[int, ...], answers: int) -> keras.Model:
    """`question` [N,T,D], `lengths` [N] and `features` [N,F] → `logits` [N,answers]."""
    question = keras.Input((None, config.word_dimension), name="question")
    lengths = keras.Input((), dtype="int32", name="lengths")
    features = keras.Input(feature_shape, name="features")

    # Padding is zero already; masked, it does not matter what it is.
    mask = ops.cast(LengthMask()(lengths, question), "float32")  # [N,T]
    summed = ops.sum(question * ops.expand_dims(mask, axis=-1), axis=1)  # [N,D]
    x = layers.Concatenate()([summed, features])
    logits = dense_layers(
        x, units=config.units, hidden=config.hidden, dropout=config.dropout, answers=answers
    )
    return keras.Model([question, lengths, features], logits, name="answerer")


def dense_layers(
    x: keras.KerasTensor, *, units: int, hidden: int, dropout: float, answers: int
) -> keras.KerasTensor:
    """What follows the merge in both of the tutorial's models. [N,M] → [N,answers]"""
    for _ in range(hidden):
        x = layers.Dense(units, activation="tanh", kernel_initializer="uniform")(x)
        x = BatchDropout(dropout)(x)
    return layers.Dense(answers, kernel_initializer="uniform", name="logits")(x)
