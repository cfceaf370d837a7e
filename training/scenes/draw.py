"""Draws a scene as a JPEG: anti-aliased shapes on one of four kinds of background, with the flaws of phone photos."""

from __future__ import annotations

import colorsys
import io
import math
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .scene import SIDE_PX, Scene, Thing

_OVERSAMPLE = 4  # shapes are drawn this many times larger and then reduced, for anti-aliasing
RGB = {
    "red": (214, 32, 38),
    "orange": (245, 135, 22),
    "yellow": (250, 218, 40),
    "green": (44, 150, 62),
    "blue": (38, 84, 205),
    "purple": (128, 48, 168),
    "pink": (246, 140, 186),
    "brown": (136, 82, 42),
    "black": (22, 22, 24),
}
Pixels = NDArray[np.float32]  # [SIDE_PX, SIDE_PX, 3], 0 to 255


def draw_jpeg(scene: Scene, seed: int) -> bytes:
    """The scene as the bytes of a square JPEG, SIDE_PX wide. The same scene and seed give the same bytes."""
    random, noise = Random(seed), np.random.default_rng(seed)
    picture = _blind(scene, random, noise) if scene.blind else _seen(scene, random, noise)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=random.randint(55, 95))
    return out.getvalue()


def _seen(scene: Scene, random: Random, noise: np.random.Generator) -> Image.Image:
    picture = Image.fromarray(_background(random, noise).clip(0, 255).astype(np.uint8))
    for thing in scene.things:
        _paste(picture, thing, random)
    return _disturb(picture, random, noise)


def _background(random: Random, noise: np.random.Generator) -> Pixels:
    """A plain, gradient, textured or noisy background. It is pale, so that things of every colour stand out."""
    base = _pale(random)
    kind = random.choice(("plain", "gradient", "textured", "noisy"))
    pixels = np.broadcast_to(base, (SIDE_PX, SIDE_PX, 3)).astype(np.float32)
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32)
    if kind == "gradient":
        angle = random.uniform(0, 2 * math.pi)
        along = ((x - 64) * math.cos(angle) + (y - 64) * math.sin(angle)) / 181 + 0.5
        pixels = pixels + (_pale(random) - base) * along[..., None]
    elif kind == "textured":
        period, angle = random.uniform(5, 24), random.uniform(0, math.pi)
        wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / period))
        if random.random() < 0.5:  # a chequered pattern instead of stripes
            wave = wave * np.sin((y * math.cos(angle) - x * math.sin(angle)) * (2 * math.pi / period))
        pixels = pixels + (wave * random.uniform(5, 14))[..., None]
    elif kind == "noisy":
        coarse = noise.normal(0, random.uniform(6, 14), (16, 16, 1)).astype(np.float32)
        pixels = pixels + np.kron(coarse, np.ones((8, 8, 1), np.float32))
    return pixels.astype(np.float32)


def _pale(random: Random) -> Pixels:
    hue, saturation, value = random.random(), random.uniform(0, 0.2), random.uniform(0.66, 0.97)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32) * 255


def _paste(picture: Image.Image, thing: Thing, random: Random) -> None:
    """Draw one thing onto the picture, with its colour varied a little."""
    half = math.ceil(thing.radius) + 2
    left, top = math.floor(thing.x) - half, math.floor(thing.y) - half
    side = 2 * half + 1
    mask = Image.new("L", (side * _OVERSAMPLE, side * _OVERSAMPLE), 0)
    centre = ((thing.x - left) * _OVERSAMPLE, (thing.y - top) * _OVERSAMPLE)
    _outline(ImageDraw.Draw(mask), thing, centre, thing.radius * _OVERSAMPLE)
    mask = mask.reduce(_OVERSAMPLE)
    paint = tuple(max(0, min(255, c + random.randint(-14, 14))) for c in RGB[thing.colour])
    picture.paste(Image.new("RGB", mask.size, paint), (left, top), mask)


def _outline(draw: ImageDraw.ImageDraw, thing: Thing, centre: tuple[float, float], radius: float) -> None:
    x, y = centre
    if thing.shape in ("circle", "ring"):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        if thing.shape == "ring":
            hole = radius * 0.55
            draw.ellipse((x - hole, y - hole, x + hole, y + hole), fill=0)
        return
    turn = math.radians(thing.rotation)
    cos, sin = math.cos(turn), math.sin(turn)
    points = [
        (x + radius * (px * cos - py * sin), y + radius * (px * sin + py * cos))
        for px, py in _POLYGONS[thing.shape]
    ]
    draw.polygon(points, fill=255)


def _around(count: int, radii: tuple[float, ...], start: float = -90) -> list[tuple[float, float]]:
    turns = [math.radians(start + 360 * i / count) for i in range(count)]
    return [(r * math.cos(t), r * math.sin(t)) for t, r in zip(turns, radii * count, strict=False)]


def _heart() -> list[tuple[float, float]]:
    turns = [2 * math.pi * i / 40 for i in range(40)]
    return [
        (
            math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16,
        )
        for t in turns
    ]


_ARM = 0.34  # half the width of a cross's arm
_POLYGONS = {  # on the unit circle, y downwards
    "square": [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)],
    "triangle": _around(3, (1.05,)),
    "star": _around(10, (1.1, 0.45)),
    "cross": [
        (-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM),
        (_ARM, 1), (-_ARM, 1), (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM),
    ],
    "heart": _heart(),
}  # fmt: skip


def _disturb(picture: Image.Image, random: Random, noise: np.random.Generator) -> Image.Image:
    """Add flaws of phone photos, each by chance: blur, wrong exposure with a colour cast, and sensor noise."""
    if random.random() < 0.4:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.1)))
    pixels = np.asarray(picture, np.float32)
    if random.random() < 0.5:
        cast = np.array([random.uniform(0.95, 1.05) for _ in range(3)], np.float32)
        pixels = pixels * (cast * random.uniform(0.75, 1.2))
    if random.random() < 0.5:
        pixels = pixels + noise.standard_normal(pixels.shape, np.float32) * random.uniform(2, 12)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _blind(scene: Scene, random: Random, noise: np.random.Generator) -> Image.Image:
    """A picture in which nothing can be seen, of the kind that `scene.blind` names (see BLIND)."""
    if scene.blind == "smeared":
        smear = _background(random, noise)
        for _ in range(random.randint(1, 4)):
            x, y, colour = random.randrange(128), random.randrange(128), random.choice(list(RGB.values()))
            smear[max(0, y - 20) : y + 20, max(0, x - 20) : x + 20] = colour
        picture = Image.fromarray(smear.clip(0, 255).astype(np.uint8))
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(16, 26)))
        return _disturb(picture, random, noise)
    shape = (SIDE_PX, SIDE_PX, 3)
    if scene.blind == "noise":
        pixels = noise.uniform(0, 255, shape)
    else:
        low, high = {"black": (0, 12), "white": (246, 255), "covered": (40, 200)}[str(scene.blind)]
        base = np.array([random.uniform(low, high) for _ in range(3)])
        if scene.blind == "covered":  # the colour of skin, lit from one side: a finger over the lens
            base = np.array([1.0, 0.62, 0.5]) * random.uniform(60, 230)
        slope = np.linspace(-1, 1, SIDE_PX)[:, None, None] * random.uniform(-20, 20)
        slope = slope if scene.blind == "covered" else slope / 10
        pixels = base + slope + noise.standard_normal(shape) * random.uniform(0, 4)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
