"""BLIP's text layers as ONNX nodes: a BERT layer with attention to a picture or to a question in its middle.

Devlin et al. 2019 for the layer; Li et al. 2022, "BLIP", section 3.1, for the attention in its middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..exporting.onnx_layers.lazy_weight import LazyWeight
from .layers import Layers
from .settings import Settings, check_heads


@dataclass(frozen=True, kw_only=True)
class TextSizes:
    """`text_config` of config.json, which both the question's half and the answer's have."""

    words: int
    width: int
    inner: int
    depth: int
    heads: int
    places: int  # the longest text, in pieces
    epsilon: float
    begin: int  # the row of the vocabulary that an answer begins with
    stop: int  # and the one that ends it

    @property
    def factor(self) -> float:
        """Of the queries: 1/sqrt(d)."""
        return float((self.width // self.heads) ** -0.5)


def text_sizes(config: Settings) -> TextSizes:
    """Raises CheckpointError where config.json says what these layers do not do."""
    text = config.part("text_config")
    text.must_be("hidden_act", ("gelu",), "gelu")
    text.must_be("is_decoder", (True,), True)  # by that its layers attend to the picture
    words = text.size("vocab_size", 30524)
    sizes = TextSizes(
        words=words,
        width=text.size("hidden_size", 768),
        inner=text.size("intermediate_size", 3072),
        depth=text.size("num_hidden_layers", 12),
        heads=text.size("num_attention_heads", 8),  # the library's default; published models say 12
        places=text.size("max_position_embeddings", 512),
        epsilon=text.number("layer_norm_eps", 1e-12),
        begin=text.size("bos_token_id", 30522, least=0),
        stop=text.size("sep_token_id", 102, least=0),
    )
    check_heads(text, sizes.width, sizes.heads)
    vision = config.part("vision_config")
    if (
        vision.size("hidden_size", 768) != sizes.width
    ):  # the answer's layers look at the question by the same sizes
        raise vision.wrong("hidden_size", f"that of text_config, {sizes.width}")
    for key, row in (("bos_token_id", sizes.begin), ("sep_token_id", sizes.stop)):
        if row >= words:
            raise text.wrong(key, f"a row of the vocabulary, 0 to {words - 1}")
    return sizes


def text_layer(
    layers: Layers,
    x: str,
    name: str,
    sizes: TextSizes,
    attend: Callable[[str], str],
    cross: Callable[[str], str],
) -> str:
    """[...,width] -> the same; `attend` and `cross` give what the two attentions find, before their output layers."""
    x = _added(layers, x, attend(x), f"{name}.attention.output", sizes, sizes.width)
    x = _added(layers, x, cross(x), f"{name}.crossattention.output", sizes, sizes.width)
    inner = layers.dense(x, f"{name}.intermediate.dense", sizes.width, sizes.inner)
    return _added(layers, x, layers.gelu(inner, f"{name}.intermediate"), f"{name}.output", sizes, sizes.inner)


def _added(layers: Layers, x: str, found: str, name: str, sizes: TextSizes, inner: int) -> str:
    dense = layers.dense(found, f"{name}.dense", inner, sizes.width)
    return layers.normalised(
        layers.node("Add", dense, x, at=name), f"{name}.LayerNorm", sizes.width, sizes.epsilon
    )


def look_at_picture(
    layers: Layers, x: str, features: str, turned: str, name: str, sizes: TextSizes, seen: int
) -> str:
    """What the words x [N,T,width] find in `features` [N,n,seen]; `turned` is that [N,seen,n]: [N,T,width].

    A score is q.(Wf + b) = (qW).f + q.b, and q.b is the same for all rows of a picture, which the softmax does not see.
    So the words are brought to the picture's space and not its many rows to theirs: for 10 words and 577 rows a sixth
    of the work. In the same way the values' layer is put behind the sum.
    """
    heads, width = sizes.heads, sizes.width
    each = width // heads
    queries = layers.heads(
        layers.dense(x, f"{name}.query", width, width, factor=sizes.factor), heads, width, name
    )  # [N,heads,T,each]
    layers.weights.take(f"{name}.key.bias", (width,))
    key = layers.weights.take(f"{name}.key.weight", (width, seen))
    value = layers.weights.take(f"{name}.value.weight", (width, seen))
    towards = _by_head(layers, ("towards", name), f"{name}.key.weight", key, (heads, each, seen))
    turned_value = value.changed(
        lambda numbers: numbers.reshape(heads, each, seen).transpose(0, 2, 1).reshape(-1, each),
        (heads * seen, each),
    )
    back = _by_head(layers, ("back", name), f"{name}.value.weight", turned_value, (heads, seen, each))
    looking = layers.node("MatMul", queries, towards, at=name)  # [N,heads,T,seen]
    looking = layers.node("Reshape", looking, layers.whole(0, -1, seen), at=name)  # [N,heads*T,seen]
    found = layers.attended(looking, turned, features, name)
    found = layers.node("Reshape", found, layers.whole(0, heads, -1, seen), at=name)
    found = layers.joined(layers.node("MatMul", found, back, at=name), width, name)
    return layers.node("Add", found, layers.parameter(f"{name}.value.bias", (width,)), at=name)


def _by_head(
    layers: Layers, key: tuple[str, str], name: str, weight: LazyWeight, shape: tuple[int, int, int]
) -> str:
    """A weight as a matrix for each head. ONNX Runtime packs no such weights, which it must be told by a Reshape: see
    engine/runtimes/mapped_weights.py."""
    flat = layers.graph.weight(key, name, lambda: weight)
    return layers.node("Reshape", flat, layers.whole(*shape), at=name)
