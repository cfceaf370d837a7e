"""Pictures of the real world, out of Python packages, and crops of them: 200 on which the method was chosen, and 200
others, which it was held against as it was.

The packages lie in folders of their own; nothing here imports them:
    python -m venv build/photos && cd build/photos
    bin/pip install --no-deps scikit-image scikit-learn imgaug ultralytics gradio==4.44.1 insightface==2.1
    for name in pillow mahotas wand thumbor ImageHash face_recognition; do
        bin/pip download --no-deps --no-binary $name $name; done
    for file in *.tar.gz; do tar xzf $file; done
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
OTHERS = (
    "10_years_of_Wikipedia_by_Guillaume_Paumier.jpg", "800px-Guido-portrait-2014.jpg", "800px-Katherine_Maher.jpg",
    "Christophe_Henner_-_June_2016.jpg", "DepartmentStore.jpg", "Giunchedi%2C_Filippo_January_2015_01.jpg",
    "assets/beach.jpg", "assets/bus.jpg", "assets/mona-lisa.jpg", "assets/tiger_hd-1920x1080.jpg", "biden.jpg",
    "data/imagehash.png", "data/lena.jpg", "data/luispedro.jpg", "data/nuclear.png", "filters/redeye.png",
    "filters/source.jpg", "horizon_sunset_border2.jpg", "images/mask_blue.jpg", "images/t1.jpg", "no_face.jpg",
    "obama.jpg", "obama2.jpg", "obama3.jpg", "quokka.jpg", "test_data/cheetah1.jpg", "test_data/cheetah2.jpg",
    "test_data/lion.jpg", "zidane.jpg",
)  # fmt: skip
SMALLEST, LARGEST = 0.4, 0.9  # of a crop's sides, as shares of the photo's


def real_photos(
    folder: Path, count: int, *, names: tuple[str, ...] = NAMES, seed: int = 0
) -> list[Image.Image]:
    """The photos that lie anywhere under `folder`, whole, and then crops of them in turns; RGB.

    Raises FileNotFoundError where one is missing.
    """
    paths = sorted(folder.rglob("*"))
    whole = [Image.open(_first(paths, name)).convert("RGB") for name in names]
    random = np.random.default_rng(seed)
    crops = [_crop(whole[turn % len(whole)], random) for turn in range(max(0, count - len(whole)))]
    return [*whole, *crops][:count]


def _first(paths: list[Path], name: str) -> Path:
    found = next((path for path in paths if path.as_posix().endswith(f"/{name}")), None)
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
