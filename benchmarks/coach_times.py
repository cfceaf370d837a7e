"""How long the photo coach takes, by the size that a photo is decoded to: `python benchmarks/coach_times.py FOLDER`.

A photo is decoded to the encoder's size at least and less than twice that, on its short side. The time on the
processor is what the coach costs; the time on the clock is more wherever other work wants the same cores.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from photo_coach import photos_of
from PIL import Image

from asksight.server.photo_flaws import find_flaws

# 128, 224 and 448 are what encoders want; the last three are nearly twice that.
SHORT_SIDES_PX = (128, 255, 447, 895)


def at(photo: Image.Image, short_side_px: int) -> Image.Image:
    """The photo at that size."""
    scale = short_side_px / min(photo.size)
    return photo.resize((round(photo.width * scale), round(photo.height * scale)))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    photos = photos_of(given.folder)
    print(f"{len(photos)} photos, {given.rounds} times; milliseconds\n")
    print("| short side | processor: median | 99 % | clock: median | 99 % |\n|---|---|---|---|---|")
    for side in SHORT_SIDES_PX:
        took = []
        for photo in (at(one, side) for one in photos):
            for _ in range(given.rounds):
                clock, processor = time.perf_counter(), time.thread_time()
                find_flaws(photo, short_side_px=side)
                took.append((time.thread_time() - processor, time.perf_counter() - clock))
        (cpu, cpu_99), (wall, wall_99) = (1000 * np.percentile(one, (50, 99)) for one in np.array(took).T)
        print(f"| {side} px | {cpu:.2f} | {cpu_99:.2f} | {wall:.2f} | {wall_99:.2f} |", flush=True)


if __name__ == "__main__":
    main()
