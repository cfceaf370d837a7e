"""How well the photo coach recognises flaws that were added to photos.

    python benchmarks/photo_coach.py FOLDER [--photos 1000]

FOLDER has sharp, upright, well-lit photos that no threshold was chosen on: the folder `table` of
benchmarks/coach_photos.py (its folder `fit` is for benchmarks/coach_fit.py). Crops of the photos get a flaw of a known
strength that a person would notice at once; one in four is left unchanged. The coach names the worst flaw of each. Then
it looks at the unchanged photos, where every flaw that it names is a false alarm.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from asksight.photos.flaws import SIDE_PX, find_flaws
from asksight.server.reply.spoken import WORTH_A_HINT

LONGEST_PX = 2048
CROP_PX = 512
WORKING_PX = (128, 224, 448)  # encoders' short sides
Random = np.random.Generator
CLEAN = "clean"


def crop(photos: list[Image.Image], random: Random) -> Image.Image:
    """A random crop of one of the photos, at least half as wide and high."""
    photo = photos[random.integers(len(photos))]
    width, height = (int(side * random.uniform(0.5, 1)) for side in photo.size)
    x, y = int(random.integers(photo.width - width + 1)), int(random.integers(photo.height - height + 1))
    piece = photo.crop((x, y, x + width, y + height))
    piece.thumbnail((CROP_PX, CROP_PX))
    return piece


def dark(photo: Image.Image, random: Random) -> Image.Image:
    """A dark room: 3 to 9 % of the light, with sensor noise."""
    pixels = np.asarray(photo, np.float32) * random.uniform(0.03, 0.09)
    return _photo(pixels + random.normal(0, 2, pixels.shape))


def bright(photo: Image.Image, random: Random) -> Image.Image:
    """Overexposed: 93 to 99 % of the way to white."""
    return Image.blend(photo, Image.new("RGB", photo.size, "white"), random.uniform(0.93, 0.99))


def blurred(photo: Image.Image, random: Random) -> Image.Image:
    """Out of focus: a Gaussian blur of 3.5 to 7 px, at a size of 256 px."""
    return photo.filter(ImageFilter.GaussianBlur(random.uniform(3.5, 7) * max(photo.size) / SIDE_PX))


def motion_blurred(photo: Image.Image, random: Random) -> Image.Image:
    """Motion blur over 8 to 20 px in any direction, at a size of 256 px."""
    length, angle = random.uniform(8, 20) * max(photo.size) / SIDE_PX, random.uniform(0, np.pi)
    steps = np.linspace(-length / 2, length / 2, int(2 * length))
    moved = np.zeros((photo.height, photo.width, 3), np.float32)
    for step in steps:
        place = (1, 0, step * np.cos(angle), 0, 1, step * np.sin(angle))
        moved += np.asarray(
            photo.transform(photo.size, Image.Transform.AFFINE, place, Image.Resampling.BILINEAR)
        )
    edge = int(length / 2) + 1  # cut off: pixels that were blurred with what lies outside the photo
    return _photo(moved / len(steps)).crop((edge, edge, photo.width - edge, photo.height - edge))


def tiny(photo: Image.Image, random: Random) -> Image.Image:
    """A thumbnail of 16 to 36 px on its short side."""
    scale = random.uniform(16, 36) / min(photo.size)
    return photo.resize((max(16, round(photo.width * scale)), max(16, round(photo.height * scale))))


def uniform(photo: Image.Image, random: Random) -> Image.Image:
    """A finger over the lens: one colour, lighter towards one side, with sensor noise."""
    y, x = np.mgrid[0 : photo.height, 0 : photo.width] / max(photo.size)
    light = random.uniform(70, 170) + random.uniform(-30, 30) * x + random.uniform(-30, 30) * y
    colour = np.array([1.1, random.uniform(0.6, 1), random.uniform(0.5, 1)])
    return _photo(light[:, :, None] * colour + random.normal(0, random.uniform(1, 6), (*light.shape, 3)))


KINDS: tuple[Callable[[Image.Image, Random], Image.Image], ...] = (
    dark,
    bright,
    blurred,
    motion_blurred,
    tiny,
    uniform,
)


def degraded(photos: list[Image.Image], count: int, random: Random) -> Iterator[tuple[str, Image.Image]]:
    """Give `count` crops, each with the kind of its flaw; a quarter are unchanged."""
    for number in range(count):
        photo = crop(photos, random)
        if number % 4 == 0:
            yield CLEAN, photo
        else:
            kind = KINDS[(number - number // 4 - 1) % len(KINDS)]
            yield kind.__name__, kind(photo, random)


def named(photo: Image.Image) -> str:
    """The kind of flaw that the coach names first."""
    flaws = find_flaws(photo, short_side_px=min(photo.size))
    worst = flaws[0] if flaws and flaws[0].severity >= WORTH_A_HINT else None
    return CLEAN if worst is None else worst.kind.value


def photos_of(folder: Path) -> list[Image.Image]:
    """The folder's photos in order of their names, reduced to at most LONGEST_PX."""
    photos = [Image.open(path).convert("RGB") for path in sorted(folder.iterdir())]
    for photo in photos:
        photo.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.BOX)
    return photos


def false_alarms(photos: list[Image.Image]) -> Iterator[str]:
    """The flaws that are named for whole, unchanged photos, at the sizes that photos are decoded to."""
    for number, photo in enumerate(photos):
        for side_px in WORKING_PX:
            factor = min(photo.size) // side_px
            said = named(photo.reduce(factor) if factor > 1 else photo)
            if said != CLEAN:
                yield f"photo {number} at {side_px} px: {said}"


def _photo(pixels: NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--photos", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    photos = photos_of(given.folder)
    random = np.random.default_rng(given.seed)
    pairs = [(done, named(photo)) for done, photo in degraded(photos, given.photos, random)]
    table = Counter((done, said) for done, said in pairs)
    print(f"{len(pairs)} photos, crops of {len(photos)}, seed {given.seed}\n")
    print("| kind | photos | precision | recall | taken for |\n|---|---|---|---|---|")
    for kind in (*(one.__name__ for one in KINDS), CLEAN):
        right = table[kind, kind]
        said = sum(count for (_, one), count in table.items() if one == kind)
        done = sum(count for (one, _), count in table.items() if one == kind)
        others = ", ".join(f"{one} {n}" for (was, one), n in table.most_common() if was == kind != one)
        print(f"| {kind} | {done} | {right / max(said, 1):.3f} | {right / max(done, 1):.3f} | {others} |")
    alarms = list(false_alarms(photos))
    print(f"\nfalse alarms on {len(photos)} whole photos, each in {len(WORKING_PX)} sizes: {len(alarms)}")
    print("\n".join(alarms))


if __name__ == "__main__":
    main()
