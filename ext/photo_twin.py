"""What is measured of a photo, in NumPy: slow, readable, and the specification of the compiled `_photo`.

Sharpness is measured at edges, along each of four directions: blur lowers all of them, motion some of them. A sharp
edge reaches its full height within a pixel or two, a blurred one climbs slowly. The ratio of the steepest step over one
pixel to the whole edge (sixteen pixels) does not depend on contrast; for a Gaussian blur of s pixels it is
1 / (s * sqrt(2 * pi)). Where a camera moved, edges across the motion are blurred and edges along it are not. Noise
looks like sharpness, so a noisy blurred photo may pass; a sharp one does not fail.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .checks import check_pixels

FAR_PX = 16  # over which an edge is at its full height
MAX_EDGES = 1000  # looked at in each direction
CLEAREST = 80  # percentile: edges that lie across the direction count, slanted ones look blurred
FLAT = 16  # grey levels: less over sixteen pixels is no edge
FEWEST = 10  # edges in one direction that tell anything about it
SURFACE_PX = 32  # of the copy on which surfaces are told from things; noise is averaged out there

Lines = NDArray[np.int16]


class PhotoMeasures(NamedTuple):
    """How light, how sharp and how uneven a grey picture is.

    Sharpness is that of the steepest steps as parts of their edges: 1 is a step of one pixel, 0.1 a climb over ten.
    """

    shadows: int  # the grey value that 2 % of the pixels reach
    highlights: int  # and 98 %
    upright: float  # sharpness over rows and columns together; 1 where there are no edges
    least: float  # of the four directions
    evenness: float  # the least part of the most: 1 is the same everywhere; 1 where there are too few edges
    unevenness: float  # of averages of 32 x 32 parts, in levels; the liveliest colour has as much or more


def measure_photo(grey: NDArray[np.uint8]) -> PhotoMeasures:
    """Measure a picture [H, W] of 0 to 255, in C order. Raises TypeError or ValueError on anything else."""
    check_pixels(grey, 2)
    lines = grey.astype(np.int16)
    return PhotoMeasures(*_extremes(grey), *_sharpness(lines), _unevenness(_parts(grey)))


def unevenness(small: NDArray[np.uint8]) -> float:
    """How far an RGB picture [32, 32, 3] is from a smooth surface (a polynomial of degree two).

    The standard deviation, in levels, of the liveliest colour. Raises TypeError or ValueError on other arrays.
    """
    check_pixels(small, 3)
    if small.shape != (SURFACE_PX, SURFACE_PX, 3):
        raise ValueError(f"a surface is told on pixels [{SURFACE_PX}, {SURFACE_PX}, 3], not {[*small.shape]}")
    return _unevenness(small)


def _extremes(grey: NDArray[np.uint8]) -> tuple[int, int]:
    reached = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    shadows, highlights = np.searchsorted(reached, (0.02 * reached[-1], 0.98 * reached[-1]))
    return int(shadows), int(highlights)


def _sharpness(grey: Lines) -> tuple[float, float, float]:
    """Upright, least and evenness."""
    down, right = _shares(grey, 1, 0, FAR_PX), _shares(grey, 0, 1, FAR_PX)
    both = np.concatenate([down, right])
    # Diagonal neighbours are sqrt(2) px apart, so that their steps are as much higher.
    slanted = [_shares(one, 1, 1, FAR_PX * 5 // 7) / np.sqrt(2) for one in (grey, grey[:, ::-1])]
    told = [_clearest(one) for one in (down, right, *slanted) if len(one) >= FEWEST]
    upright = _clearest(both) if len(both) else 1.0
    if len(told) < 2:
        return upright, upright, 1.0
    return upright, min(told), min(told) / max(max(told), 1e-6)


def _clearest(shares: NDArray[Any]) -> float:
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


def _unevenness(small: NDArray[np.uint8]) -> float:
    colours = small.reshape(SURFACE_PX**2, -1).astype(np.float64)
    surfaces = _surfaces()
    return float((colours - surfaces @ (surfaces.T @ colours)).std(axis=0).max())


def _parts(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The averages of 32 x 32 parts, rounded down; of a pixel or more each."""
    rows, columns = ([_part(place, side) for place in range(SURFACE_PX)] for side in grey.shape)
    averages = [[int(grey[row, column].mean()) for column in columns] for row in rows]
    return np.array(averages, np.uint8)


def _part(place: int, side: int) -> slice:
    start, end = place * side // SURFACE_PX, (place + 1) * side // SURFACE_PX
    return slice(start, max(start + 1, end))


@cache
def _surfaces() -> NDArray[np.float64]:
    """An orthonormal basis of the smooth surfaces, [1024, 6]."""
    y, x = (axis.ravel() for axis in np.mgrid[0:SURFACE_PX, 0:SURFACE_PX] / (SURFACE_PX - 1))
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0]
