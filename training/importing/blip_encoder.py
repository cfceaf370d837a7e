"""BLIP's photo half as ONNX: a vision transformer, photo -> features [patches + 1, width].

Li et al. 2022, "BLIP", section 3.1; Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..exporting.onnx_layers.graph import Graph
from ..exporting.onnx_layers.onnx_file import OnnxFile
from .checkpoint import Checkpoint
from .graph_file import Tensor, finished
from .images import Pictures
from .layers import Layers
from .settings import Settings, check_heads


@dataclass(frozen=True, kw_only=True)
class VisionSizes:
    """`vision_config` of config.json."""

    side: int  # pixels
    patch: int  # pixels
    width: int
    inner: int
    depth: int
    heads: int
    epsilon: float

    @property
    def rows(self) -> int:
        """Of features: a patch each, and the class row before them."""
        return (self.side // self.patch) ** 2 + 1


def vision_sizes(config: Settings) -> VisionSizes:
    """Raises CheckpointError where config.json says what this graph does not do."""
    vision = config.part("vision_config")
    vision.must_be("hidden_act", ("gelu",), "gelu")
    sizes = VisionSizes(
        side=vision.square("image_size", 384),
        patch=vision.square("patch_size", 16),
        width=vision.size("hidden_size", 768),
        inner=vision.size("intermediate_size", 3072),
        depth=vision.size("num_hidden_layers", 12),
        heads=vision.size("num_attention_heads", 12),
        epsilon=vision.number("layer_norm_eps", 1e-5),
    )
    check_heads(vision, sizes.width, sizes.heads)
    if sizes.patch > sizes.side:
        raise vision.wrong("patch_size", f"at most the image_size, {sizes.side}")
    return sizes


def blip_encoder(weights: Checkpoint, sizes: VisionSizes, pictures: Pictures) -> OnnxFile:
    """image [N,H,W,3] uint8 -> features [N,rows,width] float32. Raises CheckpointError."""
    layers, width = Layers(Graph(), weights), sizes.width
    root = "vision_model"
    pixels = layers.pixels("image", pictures.factors, pictures.shifts, root)
    x = layers.patches(pixels, f"{root}.embeddings.patch_embedding", sizes.patch, width)
    x = layers.with_first(x, root)
    x = layers.node("Add", x, _places(layers, f"{root}.embeddings", sizes), at=root)
    for depth in range(sizes.depth):
        x = _layer(layers, x, f"{root}.encoder.layers.{depth}", sizes)
    x = layers.normalised(x, f"{root}.post_layernorm", width, sizes.epsilon)
    image: Tensor = ("image", "uint8", ("N", pictures.height, pictures.width, 3))
    return finished(
        layers.graph, "encoder", [image], [(x, ("features", "float32", ("N", sizes.rows, width)))]
    )


def _places(layers: Layers, name: str, sizes: VisionSizes) -> str:
    """What is added to the rows: where each is; the first, which is zeros until then, is also the class row."""
    shape = (1, sizes.rows, sizes.width)
    first = layers.weights.take(f"{name}.class_embedding", (1, 1, sizes.width))
    places = layers.weights.take(f"{name}.position_embedding", shape)

    def with_class(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        numbers = numbers.copy()
        numbers[:, :1] += first.read()
        return numbers

    return layers.graph.weight(name, f"{name}.position_embedding", lambda: places.changed(with_class, shape))


def _layer(layers: Layers, x: str, name: str, sizes: VisionSizes) -> str:
    """[N,n,width] -> the same shape; normalised before each half."""
    width, heads, attention = sizes.width, sizes.heads, f"{name}.self_attn"
    seen = layers.normalised(x, f"{name}.layer_norm1", width, sizes.epsilon)
    factor = (width // heads) ** -0.5
    q, k, v = (
        layers.dense(seen, f"{attention}.qkv", width, width, factor=one, part=part, of=3)
        for part, one in enumerate((factor, 1.0, 1.0))
    )
    found = layers.attended(
        layers.heads(q, heads, width, attention),
        layers.keys(k, heads, width, attention),
        layers.heads(v, heads, width, attention),
        attention,
    )
    found = layers.dense(layers.joined(found, width, attention), f"{attention}.projection", width, width)
    x = layers.node("Add", x, found, at=name)
    seen = layers.normalised(x, f"{name}.layer_norm2", width, sizes.epsilon)
    grown = layers.gelu(layers.dense(seen, f"{name}.mlp.fc1", width, sizes.inner), f"{name}.mlp")
    return layers.node("Add", x, layers.dense(grown, f"{name}.mlp.fc2", sizes.inner, width), at=name)
