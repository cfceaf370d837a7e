"""Choose the coach's thresholds for blur: `python benchmarks/coach_fit.py FOLDER [--photos 2000]`, FOLDER being `fit`.

Photos are degraded or left as they are, and three numbers are measured for each (ext/photo_twin.py). All thresholds on
a grid are tried. The best are those with the highest minimum of precision and recall over all kinds of flaws. The
photos of the table (benchmarks/photo_coach.py) are never used here. The script also tests a simple way to detect photos
that are turned by 90 degrees: light comes from above.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from photo_coach import CLEAN, blurred, crop, degraded, motion_blurred, photos_of
from PIL import Image

from asksight.ext import measure_photo
from asksight.photos.flaws import EDGE_STEEPNESS, MOVED, MOVED_STEEPNESS, grey_copy
from asksight.server.reply.spoken import WORTH_A_HINT

KINDS = (blurred.__name__, motion_blurred.__name__, CLEAN)
GRID = (np.arange(0.56, 0.78, 0.02), np.arange(0.15, 0.22, 0.01), np.arange(0.22, 0.34, 0.01))
MARGINS = (0, 10, 20, 30, 40, 60)  # grey levels

Measured = tuple[NDArray[np.str_], NDArray[np.float64]]


def measure(photos: list[Image.Image], count: int, seed: int) -> Measured:
    """What was done to each photo, and [count, 3]: upright sharpness, least sharpness of any direction, evenness."""
    seen = [
        (done, measure_photo(grey_copy(photo)))
        for done, photo in degraded(photos, count, np.random.default_rng(seed))
        if done in KINDS
    ]
    return np.array([done for done, _ in seen]), np.array([(s.upright, s.least, s.evenness) for _, s in seen])


def worst(measured: Measured, moved: float, edge: float, moved_edge: float) -> float:
    """The lowest precision or recall of any kind with these thresholds."""
    done, (upright, least, evenness) = measured[0], measured[1].T
    blur, motion, clean = KINDS
    said = np.where(
        evenness < moved,
        np.where(least <= moved_edge, motion, clean),
        np.where(upright <= edge, blur, clean),
    )
    shares = []
    for kind in KINDS:
        right = float(np.sum((said == kind) & (done == kind)))
        shares += [right / max(float(np.sum(said == kind)), 1.0), right / float(np.sum(done == kind))]
    return min(shares)


def light_from_above(photos: list[Image.Image], count: int, seed: int) -> NDArray[np.float64]:
    """For crops, every other one turned: [count, 2], whether it is turned, and how strongly the light suggests it."""
    random, rows = np.random.default_rng(seed), []
    for number in range(count):
        photo = crop(photos, random)
        if number % 2:
            photo = photo.transpose(
                Image.Transpose.ROTATE_90 if number % 4 == 1 else Image.Transpose.ROTATE_270
            )
        grey = np.asarray(photo.convert("L").resize((3, 3), Image.Resampling.BOX), np.float64)
        across = abs(float(grey[:, 0].mean() - grey[:, 2].mean()))
        down = abs(float(grey[0].mean() - grey[2].mean()))
        rows.append((number % 2, across - 1.5 * down))
    return np.array(rows)


def hint_at(scale: tuple[float, float]) -> float:
    """The value at which a hint is first given."""
    fine, useless = scale
    return fine + WORTH_A_HINT * (useless - fine)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--photos", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    photos = photos_of(given.folder)
    measured = measure(photos, given.photos, given.seed)
    tried = sorted(((worst(measured, *one), one) for one in itertools.product(*GRID)), reverse=True)
    print(f"{len(measured[0])} photos, crops of {len(photos)}, seed {given.seed}")
    print("the worst precision or recall | evenness below which it moved | blur hint at | motion hint at")
    for share, one in tried[:10]:
        print(f"{share:.3f} | {' | '.join(f'{value:.3f}' for value in one)}")
    used = (MOVED, hint_at(EDGE_STEEPNESS), hint_at(MOVED_STEEPNESS))
    print(f"in use: {worst(measured, *used):.3f} | {' | '.join(f'{value:.3f}' for value in used)}")
    turned, told = light_from_above(photos, given.photos, given.seed).T
    for margin in MARGINS:
        said = told > margin
        right = float(np.sum(said & (turned == 1)))
        print(
            f"on its side, where light tells so by over {margin} levels: "
            f"precision {right / max(float(np.sum(said)), 1.0):.2f}, recall {right / float(np.sum(turned)):.2f}"
        )


if __name__ == "__main__":
    main()
