"""What a measurement is asked to do, and how its numbers are read from the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Loop: TypeAlias = Literal["closed", "open"]

MAX_CALLERS = 10_000


@dataclass(frozen=True, kw_only=True)
class Load:
    """One row for each step: so many callers in a closed loop, so many asks a second in an open one."""

    loop: Loop
    steps: tuple[float, ...]
    warm_up_s: float = 1.0
    seconds: float = 5.0  # the window, after the warm-up
    timeout_s: float = 10.0
    follow_ups: float = 0.0  # the share of asks about a photo that the server knows, 0 to 1
    channels: int = 4
    seed: int = 0


def callers(text: str) -> tuple[float, ...]:
    """Read "1,8,64". Raises ValueError, which says what is allowed."""
    steps = _numbers(text)
    if any(one != int(one) or not 1 <= one <= MAX_CALLERS for one in steps):
        raise ValueError(f"{text!r} is not whole numbers from 1 to {MAX_CALLERS}, as in 1,8,64.")
    return steps


def rates(text: str) -> tuple[float, ...]:
    """Read asks a second, "50,100,0.5". Raises ValueError, which says what is allowed."""
    steps = _numbers(text)
    if any(not 0 < one <= 1e6 for one in steps):
        raise ValueError(f"{text!r} is not asks a second, above 0 and up to 1000000, as in 50,100,200.")
    return steps


def _numbers(text: str) -> tuple[float, ...]:
    try:
        steps = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is not numbers with commas between them, as in 1,8,64.") from None
    if not all(math.isfinite(one) for one in steps):
        raise ValueError(f"{text!r} holds a number that is not finite; write numbers as in 1,8,64.")
    return steps
