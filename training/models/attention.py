"""A compact VQA model: a CNN's grid of features, and an answerer that looks at it twice with the question in mind.

The encoder sees the photo alone, so that its features can be cached; the answerer sees the features and the
question. A first look finds the things that the question mentions, a head each (Vaswani et al. 2017); a second,
told what the first one found and where, modulates the grid (FiLM, Perez et al. 2018) and finds or counts the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers, ops

from .layers import GridCoordinates, LengthMask

CELL_PX = 16  # of the photo, that one cell of the grid stands for
_FIRST_HEADS = 4  # a question names two things at most; spare heads make that easier to learn
_SECOND_HEADS = 2


@dataclass(frozen=True, kw_only=True)
class AttentionConfig:
    """The sizes of a model; the photo's side must be divisible by 16."""

    side: int = 128
    channels: tuple[int, int, int] = (48, 96, 128)  # at a quarter, an eighth, a sixteenth of the side
    word_dimension: int = 64
    question_units: int = 160
    grid_units: int = 128
    answer_units: int = 224


def encoder(config: AttentionConfig) -> keras.Model:
    """`image` [N,side,side,3], 0 to 255 → `features` [N,side/16,side/16,C+2]; the last two are coordinates."""
    image = keras.Input((config.side, config.side, 3), name="image")
    quarter, eighth, sixteenth = config.channels
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = _convolve(x, quarter, size=6, strides=4)  # [N,32,32,48]
    x = _convolve(x, eighth, strides=2)  # [N,16,16,96]
    x = layers.Add()([x, _convolve(x, eighth)])
    x = _convolve(x, sixteenth, strides=2)  # [N,8,8,128]
    x = layers.Add()([x, _convolve(x, sixteenth)])
    return keras.Model(image, GridCoordinates(name="features")(x), name="encoder")


def _convolve(x: keras.KerasTensor, channels: int, *, size: int = 3, strides: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))


def answerer(config: AttentionConfig, *, feature_shape: tuple[int, int, int], answers: int) -> keras.Model:
    """`question` [N,T,D], `lengths` [N] and `features` [N,h,w,C] → `logits` [N,answers]."""
    question = keras.Input((None, config.word_dimension), name="question")
    lengths = keras.Input((), dtype="int32", name="lengths")
    features = keras.Input(feature_shape, name="features")
    height, width, channels = feature_shape

    mask = LengthMask()(lengths, question)  # [N,T]
    asked = layers.GRU(config.question_units)(question, mask=mask)  # [N,Q]
    cells = layers.Reshape((height * width, channels))(features)  # [N,hw,C]

    found = _look(cells, asked)  # [N,heads*C]
    thought = layers.Dense(config.question_units, activation="relu")(layers.Concatenate()([asked, found]))
    second = _modulate(cells, layers.Concatenate()([asked, thought]))  # [N,hw,C]
    second = layers.Dense(config.grid_units, activation="relu")(second)
    seen = _gather(layers.Permute((2, 1))(layers.Dense(_SECOND_HEADS)(second)), second)
    amount = layers.Rescaling(0.125)(ops.sum(second, axis=1))  # a sum, not a mean: it can count
    x = layers.Concatenate()([asked, thought, seen, amount])
    x = layers.Dense(config.answer_units, activation="relu")(x)
    logits = layers.Dense(answers, name="logits", dtype="float32")(x)
    return keras.Model([question, lengths, features], logits, name="answerer")


def _modulate(cells: keras.KerasTensor, condition: keras.KerasTensor) -> keras.KerasTensor:
    """Scale and shift each channel of every cell as the condition says (FiLM), then ReLU. [N,hw,C], [N,Q]."""
    channels = cells.shape[-1]
    scale = layers.Reshape((1, channels))(layers.Dense(channels, bias_initializer="ones")(condition))
    shift = layers.Reshape((1, channels))(layers.Dense(channels)(condition))
    return layers.ReLU()(layers.Add()([layers.Multiply()([cells, scale]), shift]))


def _look(cells: keras.KerasTensor, condition: keras.KerasTensor) -> keras.KerasTensor:
    """Each head asks every cell for something else, as the condition says. [N,hw,C], [N,Q] → [N,heads*C]."""
    channels = cells.shape[-1]
    queries = layers.Reshape((_FIRST_HEADS, channels))(layers.Dense(_FIRST_HEADS * channels)(condition))
    scores = ops.matmul(queries, layers.Permute((2, 1))(cells))  # [N,heads,hw]
    return _gather(layers.Rescaling(channels**-0.5)(scores), cells)


def _gather(scores: keras.KerasTensor, values: keras.KerasTensor) -> keras.KerasTensor:
    """A soft choice of cells a head, and what stands there. [N,heads,hw], [N,hw,C] → [N,heads*C]."""
    attended = ops.matmul(layers.Softmax()(scores), values)
    return layers.Reshape((scores.shape[1] * values.shape[-1],))(attended)
