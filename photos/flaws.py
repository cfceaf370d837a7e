"""What is wrong with a photo: too dark, too bright, blurred, shaken, tiny, nearly uniform, cut short; each from 0 to 1.

At severity 0 a flaw is absent or barely there; at 1 nothing can be recognised. Measured by ext on a grey copy of at
most 256 px (benchmarks/coach_times.py). The thresholds for blur are fitted on photos degraded by known amounts
(benchmarks/coach_fit.py); how often each flaw is found is measured on other photos (benchmarks/photo_coach.py). Not
looked for are objects that are cut off and photos that lie on their side: no cheap measure finds them (docs/coach.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asksight.ext import (
    SURFACE_PX,
    PhotoMeasures,
    measure_photo,
    shrink_arrow_to_grey,
    shrink_grey,
    shrink_to_grey,
    unevenness,
)

from .cut import MOST_MISSING

SIDE_PX = 256  # the longer side of the copy that is measured
NEAR_PX = 384  # a photo of at least twice this size is first shrunk towards it, once for all measures

# (severity 0 at this value, severity 1 at that one)
DARK_HIGHLIGHTS = (60.0, 12.0)  # the grey value that 98 % of the pixels lie below
BRIGHT_SHADOWS = (215.0, 250.0)  # the grey value that 98 % of the pixels lie above
EDGE_STEEPNESS = (0.22, 0.09)  # blurs of about 1.8 and 4.4 px
MOVED_STEEPNESS = (0.36, 0.09)  # of the worst direction: motion over about 3 and 11 px
SHORT_SIDE_PX = (64.0, 16.0)
CUT_SHORT = (0.2, 0.8)  # severity where no row is missing, and where as many are as are let pass
UNEVENNESS = (2.5, 0.8)  # levels by which it differs from a smooth surface
UNEVEN_GREY = (
    8.0  # levels from which on no rounding makes all colours even, so that they need not be looked at
)

MOVED = 0.69  # evenness: a Gaussian blurs all directions alike, motion does not


class FlawKind(StrEnum):
    """What can be wrong with a photo."""

    DARK = "dark"
    BRIGHT = "bright"
    BLURRED = "blurred"
    TINY = "tiny"
    MOTION_BLURRED = "motion_blurred"  # sharp along one direction, blurred across it
    UNIFORM = "uniform"  # nearly one surface: a finger over the lens
    CUT_SHORT = "cut_short"  # its file lacks its end, and a few rows perhaps


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a photo."""

    kind: FlawKind
    severity: float


def find_flaws(picture: Image.Image, *, short_side_px: int, missing: float | None = None) -> tuple[Flaw, ...]:
    """Measure a decoded RGB picture, worst flaw first.

    `short_side_px` is that of the file, and `missing` the share of its rows that it lacks, if it was cut short.
    """
    seen = measure_photo(grey_copy(picture))
    dark, bright = _severity(seen.highlights, DARK_HIGHLIGHTS), _severity(seen.shadows, BRIGHT_SHADOWS)
    found = [
        Flaw(FlawKind.DARK, dark),
        Flaw(FlawKind.BRIGHT, bright),
        _blur(seen),
        Flaw(FlawKind.TINY, _severity(short_side_px, SHORT_SIDE_PX)),
    ]
    if missing is not None:
        least, most = CUT_SHORT
        found.append(Flaw(FlawKind.CUT_SHORT, least + (most - least) * missing / MOST_MISSING))
    # A plain surface is what is to be expected of a dark or bright photo.
    if not dark and not bright and seen.unevenness < UNEVEN_GREY:
        found.append(Flaw(FlawKind.UNIFORM, _severity(unevenness(_small_copy(picture)), UNEVENNESS)))
    return tuple(sorted((flaw for flaw in found if flaw.severity > 0), key=lambda flaw: -flaw.severity))


def grey_copy(picture: Image.Image) -> NDArray[np.uint8]:
    """The copy [H, W] on which brightness and sharpness are measured."""
    factor = _near_factor(picture)
    try:
        _, pixels = picture.__arrow_c_array__()  # the pixels in place: np.asarray would copy them
    except ValueError:  # from 16 MB on Pillow keeps the pixels in several blocks
        grey = shrink_to_grey(np.asarray(picture), factor)
    else:
        grey = shrink_arrow_to_grey(pixels, picture.height, picture.width, factor)
    return shrink_grey(grey, *_fitted(*grey.shape)) if max(grey.shape) > SIDE_PX else grey


def _fitted(height: int, width: int) -> tuple[int, int]:
    """The size with a longer side of SIDE_PX that keeps the form best, as Pillow's `thumbnail` chooses it."""
    form = width / height
    if form <= 1:
        return SIDE_PX, _nearer(SIDE_PX * form, lambda px: abs(form - px / SIDE_PX))
    return _nearer(SIDE_PX / form, lambda px: abs(form - SIDE_PX / max(px, 1))), SIDE_PX


def _nearer(side: float, away: Callable[[int], float]) -> int:
    return max(1, min(floor(side), ceil(side), key=away))


def _small_copy(picture: Image.Image) -> NDArray[np.uint8]:
    factor = _near_factor(picture)
    near = picture.reduce(factor) if factor > 1 else picture
    return np.asarray(near.resize((SURFACE_PX, SURFACE_PX), Image.Resampling.BOX, reducing_gap=2.0))


def _near_factor(picture: Image.Image) -> int:
    return max(1, max(picture.size) // NEAR_PX)


def _blur(seen: PhotoMeasures) -> Flaw:
    if seen.evenness < MOVED:
        return Flaw(FlawKind.MOTION_BLURRED, _severity(seen.least, MOVED_STEEPNESS))
    return Flaw(FlawKind.BLURRED, _severity(seen.upright, EDGE_STEEPNESS))


def _severity(value: float, scale: tuple[float, float]) -> float:
    fine, useless = scale
    return min(max((value - fine) / (useless - fine), 0.0), 1.0)
