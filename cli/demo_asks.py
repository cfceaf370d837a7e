"""The pictures that the demo asks about: what each shows, and the questions; two or more about most of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DemoPhoto:
    """One picture, in words too, since not everyone can look at it."""

    path: Path
    shows: str
    questions: tuple[str, ...]


FOLDER = Path(__file__).parent / "demo_photos"

DEMO_PHOTOS = (
    DemoPhoto(
        FOLDER / "shapes.jpg",
        "a large red circle, a small blue square, a large green triangle and a small yellow star",
        (
            "What colour is the circle?",
            "What shape is the small blue thing?",
            "Is the circle to the left of the square?",
            "What colour is the heart?",
        ),
    ),
    DemoPhoto(
        FOLDER / "row.jpg",
        "three small purple hearts above a large orange cross",
        ("How many hearts are there?", "Are there more crosses than hearts?", "Is there a small heart?"),
    ),
    DemoPhoto(FOLDER / "star.jpg", "one large pink star", ("What is this?", "Is the star small?")),
    DemoPhoto(FOLDER / "dark.jpg", "nothing: it was taken in the dark", ("What is in the picture?",)),
)
