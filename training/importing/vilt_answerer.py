"""ViLT's answerer as ONNX: the whole transformer over the words and patches together, and the classifier.

Kim et al. 2021, "ViLT", section 3.1, and section 4.3 for the classifier of 3,129 answers, each with a score of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..exporting.onnx_layers.graph import Graph
from ..exporting.onnx_layers.lazy_weight import LazyWeight
from ..exporting.onnx_layers.onnx_file import OnnxFile
from .checkpoint import Checkpoint
from .graph_file import Tensor, finished
from .layers import Layers
from .vilt_encoder import EMBEDDINGS, Sizes

TEXT = f"{EMBEDDINGS}.text_embeddings"
WORDS = f"{TEXT}.word_embeddings.weight"  # which go into vectors.npy
CLASSIFIER_EPSILON = 1e-5  # of the classifier's normalisation, which config.json does not rule


def vilt_answerer(weights: Checkpoint, sizes: Sizes, *, rows: int, answers: int) -> OnnxFile:
    """question [N,T,width], lengths [N] int32, features [N,rows,width+1] -> logits [N,answers]. CheckpointError."""
    layers, width = Layers(Graph(), weights), sizes.width
    steps = layers.steps("question", TEXT)
    kinds = weights.take(f"{EMBEDDINGS}.token_type_embeddings.weight", (sizes.kinds, width))
    text = _text(layers, sizes, steps, kinds)
    patches, valid = _patches(layers, sizes, rows, kinds)
    x = layers.node("Concat", text, patches, at="vilt", axis=1)  # [N,T+1+rows,width]
    counts = layers.node("Concat", layers.within(steps, "lengths", TEXT), valid, at="vilt", axis=1)
    mask = layers.mask(counts, "vilt")
    for depth in range(sizes.depth):
        x = _layer(layers, x, mask, f"vilt.encoder.layer.{depth}", sizes, last=depth == sizes.depth - 1)
    first = layers.node("Gather", x, layers.graph.constant(0, "int64"), at="vilt", axis=1)  # [N,width]
    first = layers.normalised(first, "vilt.layernorm", width, sizes.epsilon)
    first = layers.node("Tanh", layers.dense(first, "vilt.pooler.dense", width, width), at="vilt.pooler")
    x = layers.dense(first, "classifier.0", width, 2 * width)
    x = layers.gelu(layers.normalised(x, "classifier.1", 2 * width, CLASSIFIER_EPSILON), "classifier")
    x = layers.dense(x, "classifier.3", 2 * width, answers)
    inputs: list[Tensor] = [
        ("question", "float32", ("N", "T", width)),
        ("lengths", "int32", ("N",)),
        ("features", "float32", ("N", rows, width + 1)),
    ]
    return finished(layers.graph, "answerer", inputs, [(x, ("logits", "float32", ("N", answers)))])


def _text(layers: Layers, sizes: Sizes, steps: str, kinds: LazyWeight) -> str:
    """[N,T,width]: the words, their places, and that they are the text."""
    width = sizes.width
    places = layers.weights.take(f"{TEXT}.position_embeddings.weight", (sizes.places, width))
    sentences = layers.weights.take(f"{TEXT}.token_type_embeddings.weight", (sizes.sentences, width))
    table = layers.graph.weight(
        "text places",
        f"{TEXT}.position_embeddings.weight",
        lambda: places.changed(lambda numbers: numbers + sentences.read()[0], places.shape),
    )
    x = layers.node("Add", "question", layers.node("Gather", table, steps, at=TEXT), at=TEXT)
    x = layers.normalised(x, f"{TEXT}.LayerNorm", width, sizes.epsilon)
    text = layers.graph.weight("text", f"{EMBEDDINGS}.text", lambda: kinds.changed(lambda n: n[0], (width,)))
    return layers.node("Add", x, text, at=EMBEDDINGS)


def _patches(layers: Layers, sizes: Sizes, rows: int, kinds: LazyWeight) -> tuple[str, str]:
    """[N,1+rows,width], of which the first row is the class row; and which rows count, [N,1+rows]."""
    width, at = sizes.width, EMBEDDINGS
    token = layers.weights.take(f"{EMBEDDINGS}.cls_token", (1, 1, width))
    places = layers.weights.take(f"{EMBEDDINGS}.position_embeddings", (1, sizes.grid**2 + 1, width))

    def added(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        table = np.repeat(numbers[1:2], 1 + rows, axis=0)
        table[0] += token.read()[0, 0] + places.read()[0, 0]
        return table

    table = layers.graph.weight(
        "image", f"{EMBEDDINGS}.image", lambda: kinds.changed(added, (1 + rows, width))
    )
    axis = layers.whole(2)
    patches = layers.node("Slice", "features", layers.whole(0), layers.whole(width), axis, at=at)
    valid = layers.node("Slice", "features", layers.whole(width), layers.whole(width + 1), axis, at=at)
    valid = layers.node("Squeeze", valid, axis, at=at)
    valid = layers.node("Pad", valid, layers.whole(0, 1, 0, 0), layers.graph.constant(1.0), at=at)
    return layers.node("Add", layers.with_first(patches, at), table, at=at), valid


def _layer(layers: Layers, x: str, mask: str, name: str, sizes: Sizes, *, last: bool) -> str:
    """[N,n,width] -> the same shape; normalised before each half. Of the `last` layer only the first row is read."""
    width, heads, attention = sizes.width, sizes.heads, f"{name}.attention.attention"
    seen = layers.normalised(x, f"{name}.layernorm_before", width, sizes.epsilon)
    asking = seen
    if last:
        x, asking = (layers.node("Gather", one, layers.whole(0), at=name, axis=1) for one in (x, seen))
    q = layers.dense(asking, f"{attention}.query", width, width, factor=(width // heads) ** -0.5)
    k, v = (layers.dense(seen, f"{attention}.{one}", width, width) for one in ("key", "value"))
    found = layers.attended(
        layers.heads(q, heads, width, attention),
        layers.keys(k, heads, width, attention),
        layers.heads(v, heads, width, attention),
        attention,
        mask,
    )
    found = layers.dense(
        layers.joined(found, width, attention), f"{name}.attention.output.dense", width, width
    )
    x = layers.node("Add", x, found, at=name)
    seen = layers.normalised(x, f"{name}.layernorm_after", width, sizes.epsilon)
    grown = layers.gelu(
        layers.dense(seen, f"{name}.intermediate.dense", width, sizes.inner), f"{name}.intermediate"
    )
    return layers.node("Add", x, layers.dense(grown, f"{name}.output.dense", sizes.inner, width), at=name)


def may_be_left(name: str) -> bool:
    """Whether a tensor of a ViLT checkpoint is none that answers need: tables of 0, 1, 2 ... of older files."""
    return name.endswith(("text_embeddings.position_ids", "text_embeddings.token_type_ids"))
