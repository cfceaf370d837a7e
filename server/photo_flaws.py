"""What is wrong with a photo: too dark, too bright, blurred, tiny; each from 0 (hardly) to 1 (nothing can be seen).

Measured on a greyscale copy of at most 256 px, so that it takes about a millisecond. Blur is measured at edges: a
sharp edge reaches its full height within a pixel or two, a blurred one climbs slowly. The ratio of the steepest steps
over one pixel to the whole edge (sixteen pixels) does not depend on contrast; for a Gaussian blur of s pixels it is
1 / (s * sqrt(2 * pi)). Noise looks like sharpness, so a noisy blurred photo may pass; a sharp one does not fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .asks import PhotoIssueKind

SIDE_PX = 256  # of the copy that is measured
FAR_PX = 16  # over which an edge is at its full height
MAX_EDGES = 1000  # looked at in each direction
CLEAREST = 80  # percentile: edges that lie across the direction count, slanted ones look blurred

# (nothing wrong, nothing to be seen)
DARK_HIGHLIGHTS = (60.0, 12.0)  # the grey value that 98 % of the pixels lie below
BRIGHT_SHADOWS = (215.0, 250.0)  # the grey value that 98 % of the pixels lie above
EDGE_STEEPNESS = (0.2, 0.09)  # blurs of about 2 and 4.4 px
SHORT_SIDE_PX = (64.0, 16.0)
FLAT = 16.0  # grey levels: less over sixteen pixels is no edge


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a photo."""

    kind: PhotoIssueKind
    severity: float


def find_flaws(picture: Image.Image, *, short_side_px: int) -> tuple[Flaw, ...]:
    """Measure a decoded RGB picture, worst flaw first; `short_side_px` is that of the file."""
    grey = picture.convert("L")
    if max(grey.size) > SIDE_PX:
        grey.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    shadows, highlights = np.percentile(np.asarray(grey), (2, 98))
    found = [
        Flaw(PhotoIssueKind.DARK, _severity(highlights, DARK_HIGHLIGHTS)),
        Flaw(PhotoIssueKind.BRIGHT, _severity(shadows, BRIGHT_SHADOWS)),
        Flaw(PhotoIssueKind.BLURRED, _severity(_steepness(np.asarray(grey, np.float32)), EDGE_STEEPNESS)),
        Flaw(PhotoIssueKind.TINY, _severity(short_side_px, SHORT_SIDE_PX)),
    ]
    return tuple(sorted((flaw for flaw in found if flaw.severity > 0), key=lambda flaw: -flaw.severity))


def _severity(value: float, scale: tuple[float, float]) -> float:
    fine, useless = scale
    return float(np.clip((value - fine) / (useless - fine), 0.0, 1.0))


def _steepness(grey: NDArray[np.float32]) -> float:
    """The steepest step over one pixel, as a part of the whole edge, at most of the strongest edges; 1 without any."""
    shares = np.concatenate([_shares(grey), _shares(grey.T)])
    return float(np.percentile(shares, CLEAREST)) if len(shares) else 1.0


def _shares(lines: NDArray[np.float32]) -> NDArray[np.float32]:
    """For the strong edges between lines[i] and lines[i + FAR_PX]: the steepest of the steps between them."""
    if len(lines) <= FAR_PX:
        return np.empty(0, np.float32)
    far = np.abs(lines[FAR_PX:] - lines[:-FAR_PX])
    rows, columns = np.nonzero(far >= max(FLAT, 0.5 * float(far.max())))
    chosen = slice(None, None, 1 + len(rows) // MAX_EDGES)
    rows, columns = rows[chosen], columns[chosen]
    steps = np.abs(np.diff(lines, axis=0))
    steepest = steps[rows[:, None] + np.arange(FAR_PX), columns[:, None]].max(axis=1, initial=0.0)
    return np.asarray(steepest / far[rows, columns], np.float32)
