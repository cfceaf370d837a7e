"""AskSight's GridCoordinates layer: appends each cell's coordinates to its channels."""

from __future__ import annotations

import numpy as np

from .registry import Call, converts
from .value import Layout, Value


@converts("GridCoordinates")
def grid_coordinates(call: Call) -> Value:
    """[N,h,w,C] -> [N,h,w,C+2]; the grid is a constant, repeated for each photo of the batch."""
    source = call.inputs[0]
    layout: Layout = "channels_first" if source.channels_first else "keras"
    grid = np.asarray(call.operation.grid)  # [1,h,w,2]
    x = source.name(layout)
    one, zero = call.constant([1], "int64"), call.constant([0], "int64")
    batch = call.node("Slice", [call.node("Shape", [x]), zero, one])
    sizes = call.node("Concat", [batch, call.constant([1, 1, 1], "int64")], axis=0)
    channels_first = layout == "channels_first"
    places = call.constant(np.moveaxis(grid, -1, 1) if channels_first else grid)
    joined = [x, call.node("Expand", [places, sizes])]
    return call.value(call.node("Concat", joined, axis=1 if channels_first else 3), layout)
