"""When the asks of an open loop are due: Poisson arrivals, which do not depend on what is answered."""

from __future__ import annotations

import random
from collections.abc import Iterator


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Give the moments of one run, in seconds after its start, ascending; `rate` a second on average."""
    chance = random.Random(seed)
    due_s = chance.expovariate(rate)
    while due_s < seconds:
        yield due_s
        due_s += chance.expovariate(rate)
