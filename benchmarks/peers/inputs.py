"""The inputs of the comparison: photos of 60 kB that no server has cached, and questions."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np
from PIL import Image

SIZE_BYTES = 60_000  # so that a message is smaller than an HTTP/2 stream's window of 64 kB
WIDTH, HEIGHT = 640, 480
DIFFERENT = 8
QUESTIONS = (
    "What colour is the circle?",
    "How many hearts are there?",
    "Is the star small?",
    "What shape is the small blue thing?",
    "Is the circle to the left of the square?",
    "Are there more crosses than hearts?",
    "Is there a small heart?",
    "What is above the square?",
    "What is this?",
    "What colour is the small star?",
)


def photo(number: int) -> bytes:
    """A JPEG of soft colours with grain, as large as fits, filled up to the size with zeros after its end."""
    random = np.random.default_rng([60, number])
    soft = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
    picture = np.asarray(soft.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    grain = random.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.int16)
    image = Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8))
    for quality in range(95, 20, -3):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        if file.tell() <= SIZE_BYTES:
            return file.getvalue().ljust(SIZE_BYTES, b"\0")
    raise AssertionError("no quality is low enough")


@cache
def photos() -> tuple[bytes, ...]:
    return tuple(photo(number) for number in range(DIFFERENT))


def new_photos(first: int) -> Iterator[bytes]:
    """Endless new photos from number `first` on: bytes after the end of a JPEG change the file, but not its picture."""
    for number in itertools.count(first):
        yield photos()[number % DIFFERENT][:-8] + number.to_bytes(8, "big")
