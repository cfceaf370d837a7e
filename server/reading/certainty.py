"""How certain what was read is, and what may be said of it: pure.

The recogniser's probabilities are too high. How often a line with such ones is right to the letter was measured on
rendered signs, labels, receipts and screens (benchmarks/reading), and is what is told as its confidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log, prod

from .found import Line

# Of a logistic regression: benchmarks/reading fits them.
CONSTANT, OF_MEAN, OF_LEAST = -4.82, 2.412, -1.557
SAID = 0.8  # confidence from which on it is ANSWERED
COIN = 0.5  # a character no more probable than that is never ANSWERED, however certain the others are
NOISE = 0.3  # of a line, below which it is taken for no text
EDGE = 1e-4  # how near to 0 and 1 a probability is taken to be


def confidence(line: Line) -> float:
    """How probable it is that a line is right to the letter."""
    said = CONSTANT + OF_MEAN * odds(line.mean) + OF_LEAST * odds(line.least)
    return 1 / (1 + exp(-said))


def legible(lines: Iterable[Line]) -> list[Line]:
    """Those that are text, by all that can be told."""
    return [line for line in lines if confidence(line) >= NOISE]


def of_all(lines: Iterable[Line]) -> float:
    """How probable it is that all of these lines are right."""
    return prod(map(confidence, lines))


def doubtful(lines: Iterable[Line]) -> bool:
    """Whether one of their characters could as well be another."""
    return any(line.least <= COIN for line in lines)


def odds(probability: float) -> float:
    """The logarithm of its odds, bounded."""
    bounded = min(max(probability, EDGE), 1 - EDGE)
    return log(bounded / (1 - bounded))
