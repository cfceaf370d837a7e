"""A compact VQA model: a CNN's grid of features, and an answerer that looks at it with each word of the question.

The encoder sees the photo alone, so that its features can be cached; the answerer sees the features and the
question. One GRU reads the words; each word attends to the grid, as in image captioning turned round (Xu et al.
2015); a second GRU reads the words again together with what they found and where, and looks once more (stacked
attention, Yang et al. 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers, ops

from .layers import GridCoordinates, LengthMask

GRID = 8  # cells a side, whatever the photo's size
_HEADS = 4  # places that the last look can attend to at once


@dataclass(frozen=True, kw_only=True)
class AttentionConfig:
    """The sizes of a model; the photo's side must be divisible by 32."""

    side: int = 128
    channels: tuple[int, int, int] = (48, 96, 128)  # of the maps of 32, 16 and 8 cells a side
    word_dimension: int = 64
    word_units: int = 160
    query_units: int = 48
    found_units: int = 64
    thought_units: int = 192
    answer_units: int = 224


def encoder(config: AttentionConfig) -> keras.Model:
    """`image` [N,side,side,3], 0 to 255 → `features` [N,8,8,C+2]; the last two are coordinates."""
    image = keras.Input((config.side, config.side, 3), name="image")
    fine, middle, coarse = config.channels
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    stride = config.side // (4 * GRID)
    x = _convolve(x, fine, size=max(3, stride + stride // 2), strides=stride)  # [N,32,32,48]
    x = _convolve(x, middle, strides=2)  # [N,16,16,96]
    x = layers.Add()([x, _convolve(x, middle)])
    x = _convolve(x, coarse, strides=2)  # [N,8,8,128]
    x = layers.Add()([x, _convolve(x, coarse)])
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
    words = layers.GRU(config.word_units, return_sequences=True)(question, mask=mask)  # [N,T,Q]
    cells = layers.Reshape((height * width, channels))(features)  # [N,hw,C]

    # Each word looks for what has been said up to it: at "circle", for the red circle.
    found = layers.Dense(config.found_units)(_look(cells, words, config))  # [N,T,F]
    agreed = layers.Multiply()([found, layers.Dense(config.found_units)(words)])  # is it what was said?
    # A sum over cells, not a mean: it can count. Few cells hold something, so that the gates begin nearly shut.
    gates = layers.Activation("sigmoid")(layers.Rescaling(1.0, offset=-2.0)(_scores(cells, words, config)))
    amount = layers.Rescaling(0.5)(ops.sum(gates, axis=2, keepdims=True))  # [N,T,1]

    said = layers.Dense(config.found_units)(words)
    grounded = layers.Concatenate()([said, found, agreed, amount])
    thought = layers.GRU(config.thought_units)(grounded, mask=mask)  # [N,U]

    # Then one look more, for what the question did not name: "What is left of the red circle?"
    sought = layers.Reshape((_HEADS, config.query_units))(layers.Dense(_HEADS * config.query_units)(thought))
    seen = layers.Flatten()(layers.Dense(config.found_units)(_look(cells, sought, config)))
    x = layers.Dense(config.answer_units, activation="relu")(layers.Concatenate()([thought, seen]))
    logits = layers.Dense(answers, name="logits")(x)
    return keras.Model([question, lengths, features], logits, name="answerer")


def _scores(
    cells: keras.KerasTensor, sought: keras.KerasTensor, config: AttentionConfig
) -> keras.KerasTensor:
    """How well each cell fits what is sought. [N,hw,C], [N,S,Q] → [N,S,hw]."""
    channels = cells.shape[-1]
    queries = layers.Dense(channels)(layers.Dense(config.query_units)(sought))  # [N,S,C], of a low rank
    return layers.Rescaling(channels**-0.5)(ops.matmul(queries, ops.transpose(cells, (0, 2, 1))))


def _look(cells: keras.KerasTensor, sought: keras.KerasTensor, config: AttentionConfig) -> keras.KerasTensor:
    """What stands in the cells that fit. [N,hw,C], [N,S,Q] → [N,S,C]."""
    return ops.matmul(layers.Softmax()(_scores(cells, sought, config)), cells)
