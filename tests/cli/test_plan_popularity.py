"""Shares of asks that find their photo, held against caches that are simulated ask by ask."""

from __future__ import annotations

import random
from collections import OrderedDict

import numpy as np
import pytest

from asksight.cli.plan.popularity import Popularity, found, most_asked

PHOTOS, CAPACITY, VISITS_PER_S, VISITS = 2000, 100, 10.0, 40_000


def simulated(popularity: Popularity, servers: int, *, by_photo: bool) -> tuple[float, float]:
    """The share of first asks and of follow-ups that find their photo, in caches that begin empty."""
    chance = random.Random(0)
    weights = np.arange(1, PHOTOS + 1) ** -popularity.zipf
    chosen = chance.choices(range(PHOTOS), weights.tolist(), k=VISITS)
    asks: list[tuple[float, int, bool]] = []
    at_s = 0.0
    goes_on = popularity.follow_ups / (1 + popularity.follow_ups)
    for number, photo in enumerate(chosen):
        at_s += chance.expovariate(VISITS_PER_S)
        if chance.random() < popularity.own:
            photo = PHOTOS + number
        asked_s, first = at_s, True
        while True:
            asks.append((asked_s, photo, first))
            if chance.random() >= goes_on:
                break
            asked_s, first = asked_s + chance.expovariate(1 / popularity.pause_s), False
    caches: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(servers)]
    looked, hit = {True: 0, False: 0}, {True: 0, False: 0}
    for _, photo, first in sorted(asks):
        cache = caches[photo % servers if by_photo else chance.randrange(servers)]
        looked[first] += 1
        hit[first] += photo in cache
        cache.pop(photo, None)
        cache[photo] = None
        if len(cache) > CAPACITY:
            cache.popitem(last=False)
    return hit[True] / looked[True], hit[False] / looked[False]


@pytest.mark.parametrize("by_photo", [True, False])
@pytest.mark.parametrize(("own", "zipf", "pause_s"), [(0.0, 0.8, 1.0), (0.5, 1.1, 20.0), (1.0, 0.8, 20.0)])
def test_it_agrees_with_caches_that_are_simulated(
    by_photo: bool, own: float, zipf: float, pause_s: float
) -> None:
    popularity = Popularity(photos=PHOTOS, zipf=zipf, own=own, follow_ups=2.0, pause_s=pause_s)
    told = found(popularity, visits_per_s=VISITS_PER_S, capacity=CAPACITY, servers=3, by_photo=by_photo)
    first, follow_up = simulated(popularity, 3, by_photo=by_photo)
    assert told.first == pytest.approx(first, abs=0.03)
    assert told.follow_up == pytest.approx(follow_up, abs=0.03)
    assert told.share == pytest.approx((told.first + 2 * told.follow_up) / 3)


def test_the_ends() -> None:
    popularity = Popularity(photos=1000, own=0.0)
    all_fit = found(popularity, visits_per_s=1.0, capacity=1000, servers=1, by_photo=True)
    assert (all_fit.first, all_fit.follow_up, all_fit.keeps_s) == (1.0, 1.0, float("inf"))
    none_fits = found(popularity, visits_per_s=1e6, capacity=1e-6, servers=1, by_photo=True)
    assert none_fits.share < 1e-3
    own = Popularity(own=1.0, follow_ups=0.0)
    assert found(own, visits_per_s=1.0, capacity=1e6, servers=1, by_photo=True).share == 0


def test_groups_of_ranks_are_as_good_as_each_by_itself() -> None:
    popularity = Popularity(photos=1e6, zipf=0.8, own=0.0, follow_ups=0.0)
    each = np.arange(1, 1_000_001) ** -0.8
    assert most_asked(popularity) == pytest.approx(1 / each.sum(), rel=1e-4)
    told = found(popularity, visits_per_s=1000.0, capacity=50_000, servers=1, by_photo=True)
    probability = each / each.sum()
    there = -np.expm1(-1000 * probability * told.keeps_s)
    assert there.sum() == pytest.approx(50_000, rel=1e-3)
    assert told.first == pytest.approx(float(probability @ there), rel=1e-3)
