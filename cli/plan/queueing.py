"""How long an ask takes at a load, from how a machine does with 1, 2, 4, … callers at once.

A machine is not one server with one service time: what is alone in it leaves cores idle, and what comes together shares
batches. So it is taken as a flow-equivalent server (Chandy, Herzog and Woo, IBM J. Res. Dev. 19(1), 1975): with n asks
inside it answers X(n) a second, which is what a closed loop of n callers measures. Asks that come at random (Poisson)
then make a birth-death process: n are inside with the probability p(n) = p(n-1) λ / X(n) (Kleinrock, Queueing Systems
I, 1975, 3.1). An ask that finds n there takes what asks of n + 1 callers take, of which the closed loop measures the
distribution. The mean of that is Little's, exactly; its tail is right where n changes more slowly than asks are
answered.

Asks about new photos and about known ones hold each other up: what is known comes to the answerer in smaller batches
where photos are encoded beside it. So several mixes are measured, and what lies between two of them is taken in parts.
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
    """The asks about new photos, or those about known ones, of a mix."""

    share: float  # of the mix
    latency_ms: tuple[tuple[float, ...], ...]  # for so many callers, what such a quantile takes at most


@dataclass(frozen=True, kw_only=True)
class Mix:
    """One mix of asks about new photos and about known ones, as closed loops measured it."""

    cached: float  # the share of known ones, 0 to 1
    callers: tuple[float, ...]  # ascending, from 1
    asks_per_s: tuple[float, ...]  # answered, for so many callers
    quantiles: tuple[float, ...]  # shares of the asks of a kind, ascending from 0 to 1
    kinds: tuple[Kind, ...]  # apart, since the one takes several times what the other does

    def taken_s(self, inside: Floats) -> Floats:
        """What one takes on average with so many asks inside: Little's n / X(n), linear between what was measured."""
        many = np.array(self.callers)
        within = np.minimum(inside, many[-1])
        taken: Floats = np.interp(within, many, many / np.array(self.asks_per_s)) * (inside / within)
        return taken

    def spread_ms(self, kind: Kind, inside: float, at: Floats) -> Floats:
        """What asks of a kind take at those quantiles, likewise."""
        within = min(inside, self.callers[-1])
        place = float(np.interp(within, self.callers, np.arange(len(self.callers))))
        low = min(int(place), len(self.callers) - 2)
        below, above = (np.interp(at, self.quantiles, kind.latency_ms[one]) for one in (low, low + 1))
        spread: Floats = (below + (place - low) * (above - below)) * (inside / within)
        return spread


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one machine does."""

    mixes: tuple[Mix, ...]  # by their shares of known photos, of which the first is 0 and the last 1

    def parts(self, cached: float) -> list[tuple[Mix, float]]:
        """The measured mixes on both sides of one, and how much of each it is."""
        place = float(np.interp(cached, [mix.cached for mix in self.mixes], np.arange(len(self.mixes))))
        low = min(int(place), len(self.mixes) - 2)
        return [(self.mixes[low], low + 1 - place), (self.mixes[low + 1], place - low)]

    def answered(self, inside: Floats, cached: float) -> Floats:
        """How many asks are answered a second with so many inside, of which a share finds its photo."""
        answered: Floats = inside / sum(part * mix.taken_s(inside) for mix, part in self.parts(cached))
        return answered

    def asks_per_s(self, cached: float) -> float:
        """How many it answers when it is never idle."""
        return float(self.answered(np.array([self.mixes[0].callers[-1]]), cached)[0])


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
    """What asks take, with so many inside with such a probability."""
    at = (np.arange(GRID) + 0.5) / GRID
    values, weights = [], []
    for inside, probability in states:
        for mix, part in machine.parts(cached):
            for kind in mix.kinds:
                values.append(mix.spread_ms(kind, inside, at))
                weights.append(np.full(GRID, part * kind.share * probability))
    taken, weight = np.concatenate(values), np.concatenate(weights)
    order = np.argsort(taken)
    reached = np.cumsum(weight[order])
    p50_ms, p99_ms = (
        float(taken[order[np.searchsorted(reached, share * reached[-1])]]) for share in (0.5, 0.99)
    )
    return Latency(p50_ms=p50_ms, p99_ms=p99_ms)
