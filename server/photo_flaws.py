"""What is wrong with a photo: too dark, too bright, blurred, shaken, tiny, nearly uniform; each from 0 to 1.

0 is hardly, 1 is nothing can be seen. Measured on a copy of at most 256 px, in under 3 ms. The thresholds are
fitted on photos degraded by known amounts; benchmarks/photo_coach.py measures how well they find what was done. Not
claimed are objects that are cut off and photos that lie on their side: no cheap measure finds them (docs/coach.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .asks import PhotoIssueKind
from .sharpness import sharpness

SIDE_PX = 256  # of the copy that is measured
UNIFORM_PX = 32  # of the copy on which surfaces are told from things; noise is averaged out there

# (nothing wrong, nothing to be seen)
DARK_HIGHLIGHTS = (60.0, 12.0)  # the grey value that 98 % of the pixels lie below
BRIGHT_SHADOWS = (215.0, 250.0)  # the grey value that 98 % of the pixels lie above
EDGE_STEEPNESS = (0.2, 0.09)  # blurs of about 2 and 4.4 px
MOVED_STEEPNESS = (0.34, 0.09)  # of the worst direction: motion over about 3 and 11 px
SHORT_SIDE_PX = (64.0, 16.0)
UNEVENNESS = (2.5, 0.8)  # levels by which it differs from a smooth surface

MOVED = 0.62  # evenness: 95 % of sharp photos lie above 0.635, 95 % of blurred ones above 0.7


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
    dark, bright = _severity(highlights, DARK_HIGHLIGHTS), _severity(shadows, BRIGHT_SHADOWS)
    found = [
        Flaw(PhotoIssueKind.DARK, dark),
        Flaw(PhotoIssueKind.BRIGHT, bright),
        _blur(np.asarray(grey, np.float32)),
        Flaw(PhotoIssueKind.TINY, _severity(short_side_px, SHORT_SIDE_PX)),
    ]
    if not dark and not bright:  # of which a plain surface is what is to be expected
        found.append(Flaw(PhotoIssueKind.UNIFORM, _severity(_unevenness(picture), UNEVENNESS)))
    return tuple(sorted((flaw for flaw in found if flaw.severity > 0), key=lambda flaw: -flaw.severity))


def _blur(grey: NDArray[np.float32]) -> Flaw:
    seen = sharpness(grey)
    if seen.evenness < MOVED:
        return Flaw(PhotoIssueKind.MOTION_BLURRED, _severity(seen.least, MOVED_STEEPNESS))
    return Flaw(PhotoIssueKind.BLURRED, _severity(seen.upright, EDGE_STEEPNESS))


def _severity(value: float, scale: tuple[float, float]) -> float:
    fine, useless = scale
    return float(np.clip((value - fine) / (useless - fine), 0.0, 1.0))


def _unevenness(picture: Image.Image) -> float:
    """How far the picture is from a smooth surface (a polynomial of degree two), in levels of its liveliest colour."""
    small = picture.resize((UNIFORM_PX, UNIFORM_PX), Image.Resampling.BOX, reducing_gap=2.0)
    colours = np.asarray(small, np.float64).reshape(UNIFORM_PX**2, 3)
    surfaces = _surfaces()
    return float((colours - surfaces @ (surfaces.T @ colours)).std(axis=0).max())


@cache
def _surfaces() -> NDArray[np.float64]:
    """An orthonormal basis of the smooth surfaces, [1024, 6]."""
    y, x = (axis.ravel() for axis in np.mgrid[0:UNIFORM_PX, 0:UNIFORM_PX] / (UNIFORM_PX - 1))
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0]
