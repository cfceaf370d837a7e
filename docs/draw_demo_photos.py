"""Draw the pictures of `asksight demo`, and the one that the README shows: python docs/draw_demo_photos.py"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from asksight.training.scenes.draw import draw_jpeg
from asksight.training.scenes.scene import Scene, Thing

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "cli" / "demo_photos"
README_SIDE_PX = 384


def thing(size: str, colour: str, shape: str, x: float, y: float, rotation: float = 0.0) -> Thing:
    radius = {"small": 10.5, "large": 20.5}[size]
    return Thing(shape=shape, colour=colour, size=size, x=x, y=y, radius=radius, rotation=rotation)


# The seed chooses background and disturbances; each was looked at.
SCENES = {
    "shapes": (
        Scene(
            things=(
                thing("large", "red", "circle", 32, 36),
                thing("small", "blue", "square", 84, 30, 12),
                thing("large", "green", "triangle", 94, 90, -8),
                thing("small", "yellow", "star", 34, 96, 10),
            )
        ),
        5,
    ),
    "row": (
        Scene(
            things=(
                thing("small", "purple", "heart", 24, 40, -6),
                thing("small", "purple", "heart", 60, 34, 8),
                thing("small", "purple", "heart", 98, 42, 3),
                thing("large", "orange", "cross", 66, 92, 20),
            )
        ),
        4,
    ),
    "star": (Scene(things=(thing("large", "pink", "star", 66, 62, 7),)), 8),
    "dark": (Scene(things=(), blind="black"), 4),
}


def main() -> None:
    PHOTOS.mkdir(exist_ok=True)
    for name, (scene, seed) in SCENES.items():
        (PHOTOS / f"{name}.jpg").write_bytes(draw_jpeg(scene, seed))
    shown = Image.open(PHOTOS / "shapes.jpg")
    enlarged = shown.resize((README_SIDE_PX, README_SIDE_PX), Image.Resampling.BICUBIC)
    enlarged.save(ROOT / "docs" / "shapes.png", optimize=True)


if __name__ == "__main__":
    main()
