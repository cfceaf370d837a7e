"""Two hundred photos in which nothing is written: test photos of scikit-image and scikit-learn, and drawn scenes.

The packages lie in folders of their own, as benchmarks/familiar/real_photos.py says.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from familiar.real_photos import NAMES, SMALLEST
from PIL import Image, ImageDraw

from .photographed import HEIGHT, WIDTH, background, disturbed
from .written import Random

# Those with letters or digits in them, on a page, a suit, a clock, a helicopter or as a stamp.
WRITTEN_ON = (
    "astronaut.png", "clock_motion.png", "coins.png", "page.png", "text.png", "rocket.jpg", "motorcycle_left.png",
    "sugarshack_bad_mpo_header.jpg", "microaneurysms.png", "exif_gps_typeerror.jpg", "junk_jpeg_header.jpg",
)  # fmt: skip
OF_PHOTOS = 120


def textless(folder: Path, count: int) -> list[bytes]:
    """JPEG files: crops of photos, then drawn scenes. Raises FileNotFoundError where a photo is missing."""
    paths = {path.name: path for path in folder.rglob("*")}
    names = [name for name in NAMES if name not in WRITTEN_ON]
    if missing := [name for name in names if name not in paths]:
        raise FileNotFoundError(f"There is no {missing[0]} under {folder}; see the top of this file.")
    photos = [Image.open(paths[name]).convert("RGB") for name in names]
    random = np.random.default_rng(5)
    files = [_crop(photos[turn % len(photos)], random) for turn in range(min(count, OF_PHOTOS))]
    return files + [disturbed(_scene(random), random) for _ in range(count - len(files))]


def _crop(photo: Image.Image, random: Random) -> bytes:
    width, height = (round(side * random.uniform(SMALLEST, 1)) for side in photo.size)
    left, top = (
        int(random.integers(0, photo.width - width + 1)),
        int(random.integers(0, photo.height - height + 1)),
    )
    file = BytesIO()
    photo.crop((left, top, left + width, top + height)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _scene(random: Random) -> Image.Image:
    """Shapes, stripes and grids, which are what text is taken for."""
    picture = background(random)
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(3, 14)):
        left, top = int(random.integers(0, WIDTH - 40)), int(random.integers(0, HEIGHT - 40))
        width, height = int(random.integers(20, 400)), int(random.integers(20, 400))
        colour = tuple(int(one) for one in random.integers(0, 256, 3))
        box = (left, top, left + width, top + height)
        match random.integers(5):
            case 0:
                draw.rectangle(box, fill=colour)
            case 1:
                draw.ellipse(box, fill=colour)
            case 2:
                draw.polygon(
                    [(left, top + height), (left + width // 2, top), (left + width, top + height)],
                    fill=colour,
                )
            case 3:
                for at in range(left, left + width, 24):
                    draw.line((at, top, at, top + height), fill=colour, width=8)
            case _:
                draw.rectangle(box, outline=colour, width=int(random.integers(2, 12)))
    return picture
