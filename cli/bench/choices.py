"""Which photo and which question each ask takes; the same seed gives the same asks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple


class Choice(NamedTuple):
    photo: int
    question: int
    follow_up: bool  # about a photo that the server has been shown, by its id


def choices(*, photos: int, known: int, questions: int, follow_ups: float, seed: int) -> Iterator[Choice]:
    """Draw for ever; a follow-up is about one of the first `known` photos, and comes with that probability."""
    chance = random.Random(seed)
    while True:
        follow_up = chance.random() < follow_ups
        photo = chance.randrange(known if follow_up else photos)
        yield Choice(photo, chance.randrange(questions), follow_up)
