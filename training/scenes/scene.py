"""A scene: one to six things, each with a shape, colour, size and place, sampled at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

SIDE_PX = 128
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart", "ring")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black")
SIZES = ("small", "large")
MAX_THINGS = 6
BLIND = ("black", "white", "smeared", "covered", "noise")  # pictures in which nothing can be seen

# About two to one, so that the size is always clear.
_RADIUS_PX = {"small": (9.5, 11.5), "large": (18.0, 22.0)}
_TOUCH = 0.92  # the least distance of two centres, as a share of the sum of their radii: a slight overlap
_APART_PX = 12.0  # the least distance on an axis for "left of" or "above"


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One drawn object; x, y and radius in pixels, rotation in degrees."""

    shape: str
    colour: str
    size: str
    x: float
    y: float
    radius: float
    rotation: float

    def fits(self, *, size: str | None = None, colour: str | None = None, shape: str | None = None) -> bool:
        """Whether a description with these parts fits this thing; None leaves a part open."""
        return (
            (size is None or size == self.size)
            and (colour is None or colour == self.colour)
            and (shape is None or shape == self.shape)
        )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Things on a background; or no things, where `blind` names the kind of picture that shows nothing."""

    things: tuple[Thing, ...]
    blind: str | None = None


def is_beside(thing: Thing, other: Thing, direction: str) -> bool | None:
    """Whether `thing` is left of, right of, above or below `other`; None where they are too close to say."""
    along = thing.x - other.x if direction in ("left", "right") else thing.y - other.y
    if abs(along) < _APART_PX:
        return None
    return along < 0 if direction in ("left", "above") else along > 0


def sample_scene(random: Random, *, blind_share: float = 0.04) -> Scene:
    """Sample a scene. Each has only a few colours and shapes, so that counts above one are common."""
    if random.random() < blind_share:
        return Scene(things=(), blind=random.choice(BLIND))
    shapes = random.sample(SHAPES, random.choice((1, 2, 3, 3, 4, 5)))
    colours = random.sample(COLOURS, random.choice((1, 2, 3, 3, 4, 5, 6)))
    things: list[Thing] = []
    for _ in range(random.randint(1, MAX_THINGS)):
        thing = _place(random, things, random.choice(shapes), random.choice(colours))
        if thing is not None:
            things.append(thing)
    return Scene(things=tuple(things))


def _place(random: Random, things: list[Thing], shape: str, colour: str) -> Thing | None:
    """Place one more thing at random; None where forty tries found no room."""
    size = random.choice(SIZES)
    for _ in range(40):
        radius = random.uniform(*_RADIUS_PX[size])
        margin = radius * 0.95  # at most the tip of a corner is cut off
        x, y = (random.uniform(margin, SIDE_PX - margin) for _ in range(2))
        if all(math.hypot(x - t.x, y - t.y) > _TOUCH * (radius + t.radius) for t in things):
            rotation = random.uniform(-25, 25)
            return Thing(shape=shape, colour=colour, size=size, x=x, y=y, radius=radius, rotation=rotation)
    return None
