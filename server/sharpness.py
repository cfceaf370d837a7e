"""How sharp a greyscale picture is, along each of four directions: blur lowers all of them, motion some of them.

Measured at edges. A sharp edge reaches its full height within a pixel or two, a blurred one climbs slowly. The ratio of
the steepest step over one pixel to the whole edge (sixteen pixels) does not depend on contrast; for a Gaussian blur of
s pixels it is 1 / (s * sqrt(2 * pi)). Where a camera moved, edges across the motion are blurred and edges along it are
not. Noise looks like sharpness, so a noisy blurred photo may pass; a sharp one does not fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAR_PX = 16  # over which an edge is at its full height
MAX_EDGES = 1000  # looked at in each direction
CLEAREST = 80  # percentile: edges that lie across the direction count, slanted ones look blurred
FLAT = 16  # grey levels: less over sixteen pixels is no edge
FEWEST = 10  # edges in one direction that tell anything about it

Lines = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Sharpness:
    """The steepest steps as parts of their edges: 1 is a step of one pixel, 0.1 a climb over ten."""

    upright: float  # over rows and columns together; 1 where there are no edges
    least: float  # of the four directions
    evenness: float  # the least part of the most: 1 is the same everywhere; 1 where there are too few edges


def sharpness(grey: Lines) -> Sharpness:
    """Measure a picture [H, W] of 0 to 255."""
    down, right = _shares(grey, 1, 0, FAR_PX), _shares(grey, 0, 1, FAR_PX)
    both = np.concatenate([down, right])
    # Diagonal neighbours are sqrt(2) px apart, so that their steps are as much higher.
    slanted = [_shares(one, 1, 1, FAR_PX * 5 // 7) / np.sqrt(2) for one in (grey, grey[:, ::-1])]
    told = [_clearest(one) for one in (down, right, *slanted) if len(one) >= FEWEST]
    upright = _clearest(both) if len(both) else 1.0
    if len(told) < 2:
        return Sharpness(upright, upright, 1.0)
    return Sharpness(upright, min(told), min(told) / max(max(told), 1e-6))


def _clearest(shares: NDArray[np.float32]) -> float:
    place = (len(shares) - 1) * CLEAREST // 100
    return float(np.partition(shares, place)[place])  # np.percentile takes ten times as long for so few


def _shares(grey: Lines, down: int, right: int, far: int) -> NDArray[np.float32]:
    """For the strong edges between a pixel and the one `far` steps on: the steepest of the steps between them."""
    height, width = grey.shape[0] - far * down, grey.shape[1] - far * right
    if height <= 0 or width <= 0:
        return np.empty(0, np.float32)
    heights = np.abs(grey[far * down :, far * right :] - grey[:height, :width])
    strong = np.flatnonzero(heights >= max(FLAT, 0.5 * float(heights.max())))
    strong = strong[:: 1 + len(strong) // MAX_EDGES]
    rows, columns = np.divmod(strong, width)
    way = np.arange(far + 1)[:, None]
    climbs = grey[rows + way * down, columns + way * right]  # [far + 1, edges]
    steepest = np.abs(np.diff(climbs, axis=0)).max(axis=0, initial=0)
    return np.asarray(steepest / heights.ravel()[strong], np.float32)
