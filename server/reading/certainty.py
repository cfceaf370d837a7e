"""How certain what was read is, and what may be said of it: pure.

The recogniser's probabilities are too high. How often a line with such ones is right to the letter was measured on
rendered signs, labels, receipts and screens (benchmarks/reading), and is what is told as its confidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log, prod

from .found import Line

# Of a logistic regression: benchmarks/reading fits them.
CONSTANT, OF_OTHERS, OF_LENGTH = -6.512, 0.787, 1.639
SAID = 0.8  # confidence from which on it is ANSWERED
COIN = 0.5  # a character no more probable than that is never ANSWERED, however certain the others are
NOISE = 0.3  # of a line, below which it is taken for no text
EDGE = 1e-4  # how near to 0 and 1 a probability is taken to be


def confidence(line: Line) -> float:
    """How probable it is that a line is right to the letter."""
    others, length = measures(line)
    return 1 / (1 + exp(-(CONSTANT + OF_OTHERS * others + OF_LENGTH * length)))


def measures(line: Line) -> tuple[float, float]:
    """What it is told by: the odds of all characters but the least certain, and how many there are.

    One that is less certain than the others says little; all of them a little less, as in blurred text, says much. And
    stains are taken for short words, not for long ones.
    """
    count = len(line.text)
    others = (count * line.mean - line.least) / (count - 1) if count > 1 else line.mean
    return _odds(others), log(count)


def legible(lines: Iterable[Line]) -> list[Line]:
    """Those that are text, by all that can be told."""
    return [line for line in lines if confidence(line) >= NOISE]


def of_all(lines: Iterable[Line]) -> float:
    """How probable it is that all of these lines are right."""
    return prod(map(confidence, lines))


def uncertain(line: Line) -> bool:
    """Whether a line could not be said by itself."""
    return confidence(line) < SAID or line.least <= COIN


def doubtful(lines: Iterable[Line]) -> bool:
    """Whether one of their characters could as well be another."""
    return any(line.least <= COIN for line in lines)


def _odds(probability: float) -> float:
    bounded = min(max(probability, EDGE), 1 - EDGE)
    return log(bounded / (1 - bounded))
