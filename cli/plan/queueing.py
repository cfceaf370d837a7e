"""How long an ask takes at a load, from how a machine does with 1, 2, 4, … callers at once.

A machine is not one server with one service time: what is alone in it leaves cores idle, and what comes together shares
batches. So it is taken as a flow-equivalent server (Chandy, Herzog and Woo, IBM J. Res. Dev. 19(1), 1975): with n asks
inside it answers X(n) a second, which is what a closed loop of n callers measures. Asks that come at random (Poisson)
then make a birth-death process: n are inside with the probability p(n) = p(n-1) λ / X(n) (Kleinrock, Queueing Systems
I, 1975, 3.1). An ask that finds n there takes what asks of n + 1 callers take, of which the closed loop measures the
distribution. The mean of that is Little's, exactly; its tail is right where n changes more slowly than asks are
answered.

A mix of two kinds takes the sum of their shares:  n / X(n) = (1-c) n / X_new(n) + c n / X_known(n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 400  # quantiles of one distribution
MOST_INSIDE = 4000  # asks in one machine; with more it is as good as overloaded
LEAST_PROBABILITY = 1e-5  # a state that is rarer is left out


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of ask, about new photos or about known ones, as closed loops measured it."""

    callers: tuple[float, ...]  # ascending, from 1
    asks_per_s: tuple[float, ...]  # answered, for so many callers
    quantiles: tuple[float, ...]  # shares of asks, ascending from 0 to 1
    latency_ms: tuple[tuple[float, ...], ...]  # for so many callers, what such a share takes at most

    def taken_s(self, inside: Floats) -> Floats:
        """What one takes on average with so many asks inside: Little's n / X(n), linear between what was measured."""
        many = np.array(self.callers)
        within = np.minimum(inside, many[-1])
        taken: Floats = np.interp(within, many, many / np.array(self.asks_per_s)) * (inside / within)
        return taken

    def spread_ms(self, inside: float, at: Floats) -> Floats:
        """What asks take at those quantiles, likewise."""
        within = min(inside, self.callers[-1])
        place = float(np.interp(within, self.callers, np.arange(len(self.callers))))
        low = min(int(place), len(self.callers) - 2)
        below, above = (np.interp(at, self.quantiles, self.latency_ms[one]) for one in (low, low + 1))
        spread: Floats = (below + (place - low) * (above - below)) * (inside / within)
        return spread


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one machine does."""

    new: Kind
    known: Kind

    def answered(self, inside: Floats, cached: float) -> Floats:
        """How many asks are answered a second with so many inside, of which a share finds its photo."""
        answered: Floats = inside / (
            (1 - cached) * self.new.taken_s(inside) + cached * self.known.taken_s(inside)
        )
        return answered

    def asks_per_s(self, cached: float) -> float:
        """How many it answers when it is never idle."""
        return float(self.answered(np.array([self.new.callers[-1]]), cached)[0])


@dataclass(frozen=True, kw_only=True)
class Latency:
    """What asks take, in milliseconds."""

    p50_ms: float
    p99_ms: float


def open_loop(machine: Machine, asks_per_s: float, cached: float) -> Latency | None:
    """What asks take that come at random, so many a second on average; None where they are too many."""
    if asks_per_s >= machine.asks_per_s(cached):
        return None
    inside = np.arange(1, MOST_INSIDE + 1, dtype=np.float64)
    grows = np.cumsum(np.log(asks_per_s / machine.answered(inside, cached)))
    logs = np.concatenate([[0.0], grows])
    there = np.exp(logs - logs.max())
    there /= there.sum()
    if there[-1] > LEAST_PROBABILITY:
        return None
    found = np.flatnonzero(there > LEAST_PROBABILITY)
    return _mixed(machine, cached, [(float(n) + 1, float(there[n])) for n in found.tolist()])


def closed_loop(machine: Machine, callers: int, cached: float) -> tuple[float, Latency]:
    """How many asks a second callers have answered who ask again at once, and what these take."""
    answered = float(machine.answered(np.array([float(callers)]), cached)[0])
    return answered, _mixed(machine, cached, [(float(callers), 1.0)])


def _mixed(machine: Machine, cached: float, states: Sequence[tuple[float, float]]) -> Latency:
    """What asks of both kinds take, with so many inside with such a probability."""
    at = (np.arange(GRID) + 0.5) / GRID
    values, weights = [], []
    for inside, probability in states:
        for kind, share in ((machine.new, 1 - cached), (machine.known, cached)):
            values.append(kind.spread_ms(inside, at))
            weights.append(np.full(GRID, share * probability))
    taken, weight = np.concatenate(values), np.concatenate(weights)
    order = np.argsort(taken)
    reached = np.cumsum(weight[order])
    p50_ms, p99_ms = (
        float(taken[order[np.searchsorted(reached, share * reached[-1])]]) for share in (0.5, 0.99)
    )
    return Latency(p50_ms=p50_ms, p99_ms=p99_ms)
