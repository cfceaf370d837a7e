"""ViLT's photo half as ONNX, which is only the cut into patches: all else needs the question.

Kim et al. 2021, "ViLT", section 3.1. Photos have different shapes; their patches are brought to the front of the
features, and the last column says which rows are patches at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..exporting.onnx_layers.graph import ONNX_TYPES, Graph
from ..exporting.onnx_layers.onnx_file import OnnxFile
from .checkpoint import Checkpoint
from .graph_file import Tensor, finished
from .images import Pictures
from .layers import Layers
from .settings import Settings, check_heads

EMBEDDINGS = "vilt.embeddings"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What config.json says."""

    words: int
    width: int
    inner: int
    depth: int
    heads: int
    places: int  # the longest question, in pieces
    sentences: int  # kinds of text, of which a question is the first
    kinds: int  # rows for text, for pictures, and maybe others
    epsilon: float
    side: int  # of the pictures it was trained on first, in pixels, by which places are counted
    patch: int

    @property
    def grid(self) -> int:
        return self.side // self.patch


def sizes(config: Settings) -> Sizes:
    """Raises CheckpointError where config.json says what these graphs do not do."""
    config.must_be("hidden_act", ("gelu",), "gelu")
    config.must_be("qkv_bias", (True,), True)
    config.must_be("num_channels", (3,), 3)
    config.must_be("max_image_length", (-1,), -1)  # above 0, patches are left out at random
    found = Sizes(
        words=config.size("vocab_size", 30522),
        width=config.size("hidden_size", 768),
        inner=config.size("intermediate_size", 3072),
        depth=config.size("num_hidden_layers", 12),
        heads=config.size("num_attention_heads", 12),
        places=config.size("max_position_embeddings", 40),
        sentences=config.size("type_vocab_size", 2),
        kinds=config.size("modality_type_vocab_size", 2, least=2),
        epsilon=config.number("layer_norm_eps", 1e-12),
        side=config.square("image_size", 384),
        patch=config.square("patch_size", 32),
    )
    check_heads(config, found.width, found.heads)
    if found.patch > found.side:
        raise config.wrong("patch_size", f"at most the image_size, {found.side}")
    return found


def most_patches(pictures: Pictures, patch: int) -> int:
    """Of one photo: its shorter side has at most as many as `shortest`, the longer as many as the canvas."""
    return int(pictures.preprocessing["shortest"]) // patch * (pictures.width // patch)


def vilt_encoder(weights: Checkpoint, sizes: Sizes, pictures: Pictures) -> OnnxFile:
    """image [N,H,W,3] uint8, grid [N,2] int32 -> features [N,patches,width+1] float32. Raises CheckpointError.

    `grid` is the rows and columns of patches that the photo covers, from the canvas' upper left corner.
    """
    layers, rows, width = Layers(Graph(), weights), most_patches(pictures, sizes.patch), sizes.width
    side = pictures.width // sizes.patch
    at = "patches"
    pixels = layers.pixels("image", pictures.factors, pictures.shifts, at)
    x = layers.patches(pixels, f"{EMBEDDINGS}.patch_embeddings.projection", sizes.patch, width)
    x = layers.node("Add", x, _places(layers, sizes, side), at=at)  # [N,side*side,width]
    columns = layers.node("Cast", _column(layers, 1), at=at, to=ONNX_TYPES["int64"])  # [N,1]
    count = layers.node("Cast", _column(layers, 0), at=at, to=ONNX_TYPES["int64"])
    count = layers.node("Mul", count, columns, at=at)
    places = layers.graph.constant(np.arange(rows), "int64")  # [rows]
    row = layers.node("Div", places, columns, at=at)  # [N,rows]
    wanted = layers.node("Mul", row, layers.graph.constant(side, "int64"), at=at)
    column = layers.node("Sub", places, layers.node("Mul", row, columns, at=at), at=at)
    wanted = layers.node("Add", wanted, column, at=at)
    valid = layers.node("Less", places, count, at=at)  # [N,rows]
    wanted = layers.node("Where", valid, wanted, layers.graph.constant(0, "int64"), at=at)
    wanted = layers.node("Unsqueeze", wanted, layers.whole(2), at=at)
    spread = layers.node("Expand", wanted, layers.whole(1, 1, width), at=at)  # [N,rows,width]
    x = layers.node("GatherElements", x, spread, at=at, axis=1)
    mask = layers.node("Cast", valid, at=at, to=ONNX_TYPES["float32"])
    mask = layers.node("Unsqueeze", mask, layers.whole(2), at=at)
    x = layers.node("Concat", layers.node("Mul", x, mask, at=at), mask, at=at, axis=2)
    inputs: list[Tensor] = [
        ("image", "uint8", ("N", pictures.height, pictures.width, 3)),
        ("grid", "int32", ("N", 2)),
    ]
    return finished(layers.graph, "encoder", inputs, [(x, ("features", "float32", ("N", rows, width + 1)))])


def _column(layers: Layers, which: int) -> str:
    """[N,1] int32: the rows or the columns of `grid`."""
    return layers.node(
        "Slice", "grid", layers.whole(which), layers.whole(which + 1), layers.whole(1), at="grid"
    )


def _places(layers: Layers, sizes: Sizes, side: int) -> str:
    """The learned places stretched over each photo's own grid, [N,side*side,width].

    Stretched bilinearly, corner to corner, along one side after the other: each is a small matrix, looked up by size.
    """
    at, grid, width = "places", sizes.grid, sizes.width
    stored = layers.weights.take(f"{EMBEDDINGS}.position_embeddings", (1, grid * grid + 1, width))
    table = layers.graph.weight(
        "places",
        f"{EMBEDDINGS}.position_embeddings",
        lambda: stored.changed(
            lambda numbers: numbers[0, 1:].reshape(grid, grid * width), (grid, grid * width)
        ),
    )
    stretch = layers.graph.constant(np.stack([stretched(grid, size, side) for size in range(side + 1)]))
    down, along = (
        layers.node(
            "Gather", stretch, layers.node("Squeeze", _column(layers, which), layers.whole(1), at=at), at=at
        )
        for which in (0, 1)
    )  # [N,side,grid]
    x = layers.node("MatMul", down, table, at=at)  # [N,side,grid*width]
    x = layers.node("Reshape", x, layers.whole(0, side, grid, width), at=at)
    x = layers.node("MatMul", layers.node("Unsqueeze", along, layers.whole(1), at=at), x, at=at)
    return layers.node("Reshape", x, layers.whole(0, side * side, width), at=at)


def stretched(source: int, target: int, rows: int) -> NDArray[np.float32]:
    """[rows,source]: row i gives place i of `target` between the first and the last of `source`; further rows 0."""
    matrix = np.zeros((rows, source), np.float32)
    for row in range(target):
        place = row * (source - 1) / (target - 1) if target > 1 else 0.0
        low = min(int(place), source - 1)
        high = min(low + 1, source - 1)
        matrix[row, low] += np.float32(1 - (place - low))
        matrix[row, high] += np.float32(place - low)
    return matrix
