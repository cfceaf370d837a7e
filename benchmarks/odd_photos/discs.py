"""A disc of one colour on a pale page, in odd sizes: what a photo of it shows is known, whichever encoder wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from asksight.training.scenes.draw import RGB

PAGES = ((255, 255, 255), (235, 235, 230), (215, 222, 230))
OVERSAMPLE = 4


@dataclass(frozen=True)
class Disc:
    """Its middle is never far from the picture's, so that it is there however the picture is turned."""

    colour: str
    picture: Image.Image


def disc(chance: Random) -> Disc:
    """A disc with smooth edges, somewhat off the middle."""
    colour = chance.choice(list(RGB))
    width = chance.randint(97, 640)
    height = round(width * chance.uniform(0.7, 1.4))
    radius = min(width, height) * chance.uniform(0.16, 0.3)
    x, y = (side / 2 + radius * chance.uniform(-0.5, 0.5) for side in (width, height))
    large = Image.new("RGB", (width * OVERSAMPLE, height * OVERSAMPLE), chance.choice(PAGES))
    box = [OVERSAMPLE * edge for edge in (x - radius, y - radius, x + radius, y + radius)]
    ImageDraw.Draw(large).ellipse(box, fill=RGB[colour])
    return Disc(colour, large.resize((width, height), Image.Resampling.BOX))
