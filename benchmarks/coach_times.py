"""How long the photo coach takes, by the size that a photo is decoded to: `python benchmarks/coach_times.py FOLDER`.

A photo is decoded to the encoder's size at least and less than twice that, on its short side. The time on the
processor is what the coach costs; the time on the clock is more wherever other work wants the same cores. Last come
the measures alone, compiled and by their twin, on grey copies of the whole size.
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

# 128, 224 and 448 are what encoders want; the last three are nearly twice that.
SHORT_SIDES_PX = (128, 255, 447, 895)


def at(photo: Image.Image, short_side_px: int) -> Image.Image:
    """The photo at that size."""
    scale = short_side_px / min(photo.size)
    return photo.resize((round(photo.width * scale), round(photo.height * scale)))


def times(work: Callable[[], object], rounds: int) -> list[tuple[float, float]]:
    """Seconds on the processor and on the clock of each of the rounds."""
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
