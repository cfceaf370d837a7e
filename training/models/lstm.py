"""The tutorial's second model: three stacked LSTMs read the question, word by word; then the photo joins.

    question [N,T,300] → 3 x LSTM 512 → [N,512] ⊕ features [N,4096] → 3 x (Dense 1024, tanh, dropout) → logits [N,1000]

S. Wadhwa 2018, "Visual Question Answering with Keras", FloydHub; after Antol et al. 2015, "VQA". There a question is
padded to 30 steps and the padding is read like words; here it is masked, so that answers do not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from .layers import LengthMask
from .mlp import dense_layers
from .sizes import LstmSizes


@dataclass(frozen=True, kw_only=True)
class LstmConfig(LstmSizes):
    """The sizes; all of them the tutorial's."""

    word_dimension: int = 300


def answerer(config: LstmConfig, *, feature_shape: tuple[int, ...], answers: int) -> keras.Model:
    """`question` [N,T,D], `lengths` [N] and `features` [N,F] → `logits` [N,answers]."""
    question = keras.Input((None, config.word_dimension), name="question")
    lengths = keras.Input((), dtype="int32", name="lengths")
    features = keras.Input(feature_shape, name="features")

    mask = LengthMask()(lengths, question)  # [N,T]
    x = question
    for last in [False] * (config.lstm_layers - 1) + [True]:
        x = layers.LSTM(config.lstm_units, return_sequences=not last)(
            x, mask=mask
        )  # [N,T,512], at last [N,512]
    x = layers.Concatenate()([x, features])
    logits = dense_layers(
        x, units=config.units, hidden=config.hidden, dropout=config.dropout, answers=answers
    )
    return keras.Model([question, lengths, features], logits, name="answerer")
