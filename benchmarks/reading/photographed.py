"""What a phone makes of a thing: perspective, uneven light, blur, noise and JPEG, each of random strength."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .written import Random

WIDTH, HEIGHT = 1280, 960
FARTHEST = 0.08  # of a side, by which each corner moves
LEAN_DEGREES = 8.0


def photographed(thing: Image.Image, random: Random, *, smallest: float = 0.22) -> bytes:
    """A JPEG file of the thing, which has that share of the photo at least."""
    scale = random.uniform(smallest, 0.85) * min(WIDTH / thing.width, HEIGHT / thing.height)
    width, height = thing.width * scale, thing.height * scale
    lean = np.deg2rad(random.uniform(-LEAN_DEGREES, LEAN_DEGREES))
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    moved = flat * (1 + random.uniform(-FARTHEST, FARTHEST, (4, 2)))
    middle = np.array([WIDTH, HEIGHT]) / 2 + random.uniform(-0.04, 0.04, 2) * [WIDTH, HEIGHT]
    corners = (moved @ turn.T + middle).clip(8, [WIDTH - 8, HEIGHT - 8])
    coefficients = _perspective(corners, np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * thing.size)
    laid = thing.convert("RGBA").transform(
        (WIDTH, HEIGHT), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    photo = background(random)
    photo.paste(laid, mask=laid.getchannel("A"))
    return disturbed(photo, random)


def background(random: Random) -> Image.Image:
    """A soft surface of some colours."""
    coarse = random.integers(40, 215, (random.integers(2, 6), random.integers(2, 6), 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def disturbed(photo: Image.Image, random: Random) -> bytes:
    """Uneven light, blur, noise and JPEG."""
    blur_px = abs(random.normal(0, 1.2))
    pixels = np.asarray(photo.filter(ImageFilter.GaussianBlur(blur_px)), np.float32)
    lit = pixels * _light(random, *pixels.shape[:2])[:, :, None]
    noisy = lit + random.normal(0, random.uniform(0, 22), pixels.shape)
    file = BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=int(random.integers(20, 93))
    )
    return file.getvalue()


def _light(random: Random, height: int, width: int) -> NDArray[np.float32]:
    """How bright each pixel is lit: more from one side, and from a lamp."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    side = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0, 0.5) * ((x - 0.5) * np.cos(side) + (y - 0.5) * np.sin(side))
    lamp = random.uniform(0, 0.5) * np.exp(-8 * ((x - random.random()) ** 2 + (y - random.random()) ** 2))
    return np.asarray(random.uniform(0.25, 1.05) * (1 + slope + lamp), np.float32)


def _perspective(to: NDArray[np.float64], of: NDArray[np.float64]) -> list[float]:
    """Pillow's eight numbers that take the points `to` back to the points `of`."""
    rows, values = [], []
    for (x, y), (u, v) in zip(to, of, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return list(np.linalg.solve(np.array(rows), np.array(values)))
