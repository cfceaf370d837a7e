"""Two hundred pictures of the real world: the test photos of scikit-image, scikit-learn and Pillow, and crops of them.

The packages lie in folders of their own; nothing here imports them:
    python -m venv build/photos && build/photos/bin/pip install scikit-image scikit-learn
    pip download --no-deps --no-binary :all: pillow -d build/photos
    tar xzf build/photos/pillow-*.tar.gz -C build/photos
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

# Photographs, scans and views through a microscope; nothing drawn, each scene once.
NAMES = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "china.jpg", "clock_motion.png",
    "coffee.png", "coins.png", "exif-72dpi-int.jpg", "exif_gps_typeerror.jpg", "flower.jpg", "flower2.jpg",
    "grass.png", "gravel.png", "hopper.png", "hubble_deep_field.jpg", "ihc.png", "iptc.jpg", "iss634.webp",
    "junk_jpeg_header.jpg", "microaneurysms.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg",
    "rocket.jpg", "sugarshack_bad_mpo_header.jpg", "text.png", "xmp_test.jpg",
)  # fmt: skip
SMALLEST, LARGEST = 0.4, 0.9  # of a crop's sides, as shares of the photo's


def real_photos(folder: Path, count: int, *, seed: int = 0) -> list[Image.Image]:
    """The photos that lie anywhere under `folder`, whole, and then crops of them in turns; RGB.

    Raises FileNotFoundError where one is missing.
    """
    paths = sorted(folder.rglob("*"))
    whole = [Image.open(_first(paths, name)).convert("RGB") for name in NAMES]
    random = np.random.default_rng(seed)
    crops = [_crop(whole[turn % len(whole)], random) for turn in range(max(0, count - len(whole)))]
    return [*whole, *crops][:count]


def _first(paths: list[Path], name: str) -> Path:
    found = next((path for path in paths if path.name == name), None)
    if found is None:
        raise FileNotFoundError(f"There is no {name}; get the packages as the top of this file says.")
    return found


def _crop(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    width, height = (round(side * random.uniform(SMALLEST, LARGEST)) for side in photo.size)
    left, top = (
        int(random.integers(0, size - side + 1))
        for size, side in zip(photo.size, (width, height), strict=True)
    )
    return photo.crop((left, top, left + width, top + height))
