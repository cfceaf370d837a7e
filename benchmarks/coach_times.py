"""How long the photo coach takes at each size that photos are decoded to: `python benchmarks/coach_times.py FOLDER`.

A photo is decoded so that its short side is at least the encoder's and less than twice that. Processor time is the
coach's cost; wall-clock time is longer where other work uses the same cores. The last rows are the measures alone,
compiled and in their Python twin, on full-size grey copies.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from photo_coach import photos_of
from PIL import Image

from asksight.ext import measure_photo, photo_twin
from asksight.photos.flaws import SIDE_PX, find_flaws, grey_copy

# 128, 224 and 448 are encoders' sizes; the last three sizes are almost twice as large.
SHORT_SIDES_PX = (128, 255, 447, 895)


def at(photo: Image.Image, short_side_px: int) -> Image.Image:
    """The photo, resized to that short side."""
    scale = short_side_px / min(photo.size)
    return photo.resize((round(photo.width * scale), round(photo.height * scale)))


def times(work: Callable[[], object], rounds: int) -> list[tuple[float, float]]:
    """Processor and wall-clock seconds of each round."""
    took = []
    for _ in range(rounds):
        clock, processor = time.perf_counter(), time.thread_time()
        work()
        took.append((time.thread_time() - processor, time.perf_counter() - clock))
    return took


def row(name: str, took: list[tuple[float, float]]) -> None:
    (cpu, cpu_99), (wall, wall_99) = (1000 * np.percentile(one, (50, 99)) for one in np.array(took).T)
    print(f"| {name} | {cpu:.2f} | {cpu_99:.2f} | {wall:.2f} | {wall_99:.2f} |", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    photos = photos_of(given.folder)
    print(f"{len(photos)} photos, {given.rounds} times; milliseconds\n")
    print("| short side | processor: median | 99 % | clock: median | 99 % |\n|---|---|---|---|---|")
    for side in SHORT_SIDES_PX:
        sized = (at(photo, side) for photo in photos)
        works = [partial(find_flaws, photo, short_side_px=side) for photo in sized]
        row(f"{side} px", [one for work in works for one in times(work, given.rounds)])
    greys = [grey_copy(photo.resize((SIDE_PX, SIDE_PX))) for photo in photos]
    for name, measure in (("measures", measure_photo), ("twin", photo_twin.measure_photo)):
        took = [one for grey in greys for one in times(partial(measure, grey), given.rounds)]
        row(f"{name}, {SIDE_PX} x {SIDE_PX} px", took)


if __name__ == "__main__":
    main()
