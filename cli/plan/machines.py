"""How many machines a load needs: the fewest of which the busiest is neither too busy nor too slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .plan_errors import PlanError
from .popularity import Found, Popularity, found, most_asked
from .queueing import Latency, Machine, open_loop

MOST = 10_000_000  # machines of one region
HOURS_A_MONTH = 730


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is asked of the machines."""

    popularity: Popularity
    cached_photos: float  # that one machine keeps
    by_photo: bool = True  # all asks about a photo go to one machine of their region
    regions: int = 1  # each has its part of the asks, and machines of its own
    busiest: float = 1.25  # the busiest machine's load beside the mean, where places are hashed
    at_most: float = 0.7  # how busy a machine may be
    p99_ms: float | None = None  # what 99 of 100 asks may take
    network_ms: float = 0.0  # there and back, which every ask takes
    spare: int = 1  # machines of each region that may be gone
    price: float | None = None  # of a machine for an hour


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one load needs."""

    asks_per_s: float
    machines: int  # of all regions, spare ones included
    found: Found
    busy: float  # of a machine on average, the spare ones at work
    latency: Latency  # at the busiest one, the spare ones gone
    price_an_hour: float | None
    price_a_million: float | None
    hot_photo: float  # how much of one machine the most popular photo takes, in one region


def need(machine: Machine, demand: Demand, asks_per_s: float) -> Need:
    """Find the fewest. Raises PlanError where no number of them is quick enough."""
    region = asks_per_s / demand.regions
    popularity = demand.popularity
    uneven = demand.busiest if demand.by_photo else 1.0

    def caching(machines: int) -> Found:
        return found(
            popularity,
            visits_per_s=region / popularity.asks,
            capacity=demand.cached_photos,
            servers=machines,
            by_photo=demand.by_photo,
        )

    def taken(machines: int) -> Latency | None:
        """What asks take at the busiest of so many; None where that is too busy or too slow."""
        cached = caching(machines).share
        load = region / machines * (uneven if machines > 1 else 1.0)
        if load > demand.at_most * machine.asks_per_s(cached):
            return None
        at_it = open_loop(machine, load, cached)
        if at_it is None:
            return None
        p99_ms = at_it.p99_ms + demand.network_ms
        if demand.p99_ms is not None and p99_ms > demand.p99_ms:
            return None
        return Latency(p50_ms=at_it.p50_ms + demand.network_ms, p99_ms=p99_ms)

    machines = _least(lambda count: taken(count) is not None)
    if machines is None:
        if demand.p99_ms is None:
            raise PlanError(
                f"No number of machines, up to {MOST:,}, is enough for {asks_per_s:g} asks a second. Ask for fewer."
            )
        raise PlanError(
            f"No number of machines answers 99 of 100 asks within {demand.p99_ms:g} ms; an ask takes as long where "
            "nobody else asks. Allow more."
        )
    at_it = taken(machines)
    assert at_it is not None
    whole = machines + demand.spare
    with_spare = caching(whole)
    price = None if demand.price is None else demand.price * whole * demand.regions
    return Need(
        asks_per_s=asks_per_s,
        machines=whole * demand.regions,
        found=with_spare,
        busy=region / whole / machine.asks_per_s(with_spare.share),
        latency=at_it,
        price_an_hour=price,
        price_a_million=None if price is None else price / (asks_per_s * 3600) * 1e6,
        hot_photo=region * most_asked(popularity) / machine.asks_per_s(1.0),
    )


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least number that is enough, if more always are."""
    high = 1
    while not enough(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2  # not enough, or 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
