"""A compact VQA model: a CNN's grid of features, and an answerer that looks at it with each word of the question.

The encoder sees the photo alone, so that its features can be cached; the answerer sees the features and the
question. Each word, together with the three before it ("the large red circle"), attends to the grid, as in image
captioning turned round (Xu et al. 2015). What it found is multiplied by the role that the word has in the question,
and these products are summed: "is A left of B?" becomes a difference of two places with a sign, which sums of
everything before a non-linearity learn slowly or never (low-rank bilinear pooling, Kim et al. 2017). Then the
question looks once more, for what it did not name (stacked attention, Yang et al. 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
from keras import layers, ops

from .layers import GridCoordinates, LengthMask

GRID = 8  # cells a side, whatever the photo's size
_PHRASE = 4  # words that a look is guided by, as in "the large red circle"
_HEADS = 4  # places that the last look can attend to at once
_LOOKS = "looks"  # the layer that says where each word looks


@dataclass(frozen=True, kw_only=True)
class AttentionConfig:
    """The sizes of a model; the photo's side must be divisible by 32."""

    side: int = 128
    channels: tuple[int, int, int] = (48, 96, 128)  # of the maps of 32, 16 and 8 cells a side
    word_dimension: int = 64
    phrase_units: int = 160
    query_units: int = 48
    heard_units: int = 192
    role_units: int = 128
    seen_units: int = 64
    answer_units: int = 160


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
    question, lengths, features = inputs = _inputs(config, feature_shape)
    logits = _logits(question, lengths, features, config, answers)
    return keras.Model(inputs, logits, name="answerer")


def grid_answerer(config: AttentionConfig, *, feature_shape: tuple[int, ...], answers: int) -> keras.Model:
    """The same for features [N,h,w,C], or rows [N,n,C], of an encoder that was trained elsewhere.

    Its channels, as many and as large as they may be, become as many as our own encoder gives, beside coordinates.
    Rows, as of a transformer, have no coordinates to be given: they tell themselves where they are.
    """
    question, lengths, features = inputs = _inputs(config, feature_shape)
    cells = layers.Dense(config.channels[-1], activation="relu")(layers.LayerNormalization()(features))
    if len(feature_shape) == 3:
        cells = GridCoordinates()(cells)
    logits = _logits(question, lengths, cells, config, answers)
    return keras.Model(inputs, logits, name="answerer")


def with_looks(answerer: keras.Model) -> tuple[keras.Model, list[str]]:
    """The answerer, and the names of its outputs: `logits`, and `attention` [N,h,w] where it looks at a grid.

    That is how strongly each cell was looked at by the words of the question, summed over them. Of the model's three
    looks it is the one to show: on scenes its strongest cell lay on the thing that was asked about in 95 % of 428
    questions, that of the last look in 25 % (`benchmarks/looks.py`).
    """
    inputs = {tensor.name: tensor for tensor in answerer.inputs}
    places = inputs["features"].shape[1:-1]
    if len(places) != 2 or all(layer.name != _LOOKS for layer in answerer.layers):
        return answerer, ["logits"]
    _number_on(answerer)
    looks = answerer.get_layer(_LOOKS).output  # [N,T,hw]
    said = ops.expand_dims(ops.cast(LengthMask()(inputs["lengths"], inputs["question"]), "float32"), -1)
    summed = ops.sum(layers.Multiply()([looks, said]), axis=1)  # [N,hw]
    attention = layers.Reshape(places)(summed)
    told = keras.Model(answerer.inputs, [*answerer.outputs, attention], name=answerer.name)
    return told, ["logits", "attention"]


def _number_on(loaded: keras.Model) -> None:
    """Have Keras name what is added to it by free numbers: for a model from a file it would begin with the first."""
    numbers = (one.name.rpartition("_")[2] for one in loaded.operations)
    highest = max((int(number) for number in numbers if number.isdigit()), default=0)
    for kind in ("length_mask", "cast", "expand_dims", "multiply", "sum", "reshape"):
        while keras.backend.get_uid(kind) <= highest:
            pass


def _inputs(config: AttentionConfig, feature_shape: tuple[int, ...]) -> list[keras.KerasTensor]:
    return [
        keras.Input((None, config.word_dimension), name="question"),
        keras.Input((), dtype="int32", name="lengths"),
        keras.Input(feature_shape, name="features"),
    ]


def _logits(
    question: keras.KerasTensor,
    lengths: keras.KerasTensor,
    features: keras.KerasTensor,
    config: AttentionConfig,
    answers: int,
) -> keras.KerasTensor:
    _, *places, channels = features.shape
    mask = LengthMask()(lengths, question)  # [N,T]
    phrases = layers.Conv1D(config.phrase_units, _PHRASE, padding="causal")(question)  # [N,T,P]
    heard, asked = layers.GRU(config.heard_units, return_sequences=True, return_state=True)(
        question, mask=mask
    )  # [N,T,H] and [N,H]
    cells = layers.Reshape((math.prod(places), channels))(features)  # [N,hw,C]

    # A sum over cells, not a mean: it can count. Few cells hold something, so that the gates begin nearly shut.
    gates = layers.Activation("sigmoid")(layers.Rescaling(1.0, offset=-2.0)(_scores(cells, phrases, config)))
    amount = layers.Rescaling(0.5)(ops.sum(gates, axis=2, keepdims=True))  # [N,T,1]
    found = layers.Concatenate()([_look(cells, phrases, config, name=_LOOKS), amount])  # [N,T,C+1]

    # A word's role follows from what was said up to it and from the whole question.
    whole = layers.Reshape((1, config.role_units))(layers.Dense(config.role_units)(asked))
    roles = layers.Add()([layers.Dense(config.role_units)(heard), whole])  # [N,T,R]
    facts = layers.Multiply()([roles, layers.Dense(config.role_units)(found)])
    said = ops.expand_dims(ops.cast(mask, "float32"), -1)  # padding says nothing
    related = ops.sum(layers.Multiply()([facts, said]), axis=1)  # [N,R]

    thought = layers.Concatenate()([related, asked])
    sought = layers.Reshape((_HEADS, config.query_units))(layers.Dense(_HEADS * config.query_units)(thought))
    seen = layers.Flatten()(layers.Dense(config.seen_units)(_look(cells, sought, config)))
    x = layers.Dense(config.answer_units)(layers.Concatenate()([thought, seen]))
    agreed = layers.Multiply()([x, layers.Dense(config.answer_units)(asked)])  # is it what was asked for?
    return layers.Dense(answers, name="logits")(layers.Concatenate()([layers.ReLU()(x), agreed]))


def _scores(
    cells: keras.KerasTensor, sought: keras.KerasTensor, config: AttentionConfig
) -> keras.KerasTensor:
    """How well each cell fits what is sought. [N,hw,C], [N,S,Q] → [N,S,hw]."""
    channels = cells.shape[-1]
    queries = layers.Dense(channels)(layers.Dense(config.query_units)(sought))  # [N,S,C], of a low rank
    return layers.Rescaling(channels**-0.5)(ops.matmul(queries, ops.transpose(cells, (0, 2, 1))))


def _look(
    cells: keras.KerasTensor, sought: keras.KerasTensor, config: AttentionConfig, *, name: str | None = None
) -> keras.KerasTensor:
    """What stands in the cells that fit. [N,hw,C], [N,S,Q] → [N,S,C]; `name` is that of how well they fit."""
    return ops.matmul(layers.Softmax(name=name)(_scores(cells, sought, config)), cells)
