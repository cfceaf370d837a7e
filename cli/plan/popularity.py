"""Which asks find their photo's features in a cache: Zipf popularity and Che's approximation.

A visit is one person's questions about one photo: a first ask, and follow-ups. A share of the visits is about photos
that nobody else has; the others choose one of N photos, the i-th with a probability of i^-s / H (Zipf; Breslau et al.,
INFOCOM 1999, find s of 0.6 to 0.9 for web pages).

Che, Tung and Wang (IEEE JSAC 20(7), 2002): what an LRU cache holds is what was asked for within one time T, which is
the same for all. A visit keeps its photo for a time c(T) on average, from its first ask until T after its last one,
without pauses that are longer than T. Visits come at random, so that a photo of v_i visits a second is there with the
probability 1 - exp(-v_i c(T)), and T solves  sum_i (1 - exp(-v_i c(T))) + v_own c(T) = C,  C photos being in
the cache. The number of follow-ups is geometric, the pauses are exponential.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_RANKS = 1000
GROUPS = 2000  # of the ranks above, geometric: the sums are exact to 1e-6
LONGEST_S = 1e12


@dataclass(frozen=True, kw_only=True)
class Popularity:
    """Whom photos belong to, and how often they are asked about."""

    photos: float = 1e6  # that several people ask about
    zipf: float = 0.8
    own: float = 0.5  # the share of visits about a photo that nobody else has
    follow_ups: float = 2.0  # on average, after the first ask of a visit
    pause_s: float = 20.0  # between them, on average; exponential

    @property
    def asks(self) -> float:
        """How many a visit has."""
        return 1 + self.follow_ups

    @property
    def goes_on(self) -> float:
        """How likely one more follow-up comes."""
        return self.follow_ups / self.asks


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a cache comes to."""

    keeps_s: float  # how long a photo stays that nobody asks about again; infinite where all fit
    first: float  # the share of first asks whose photo is there
    follow_up: float  # the same of follow-ups
    share: float  # the same of all asks


def found(
    popularity: Popularity, *, visits_per_s: float, capacity: float, servers: float, by_photo: bool
) -> Found:
    """The share of asks that find their photo, in `servers` caches of `capacity` photos each.

    `by_photo`: all asks about a photo go to one server, so that the caches are one of their common size. Else each ask
    goes to any server: each cache sees a thinned stream of asks, follow-ups among them.
    """
    probability, count = _ranks(popularity.photos, popularity.zipf)
    ways, room = (1.0, capacity * servers) if by_photo else (servers, capacity)
    shared, own = (1 - popularity.own) * visits_per_s * probability, popularity.own * visits_per_s

    def held(seconds: float) -> float:
        cover_s = _cover_s(popularity, ways, seconds)
        return float(count @ -np.expm1(-shared * cover_s)) + own * cover_s

    keeps_s = _time_that_fills(held, room)
    if math.isinf(keeps_s):
        there, soon = 1.0, _been_there(popularity, ways)[0]
    else:
        there = float(count @ (probability * -np.expm1(-shared * _cover_s(popularity, ways, keeps_s))))
        ever, mean_s = _been_there(popularity, ways)
        soon = ever * -math.expm1(-keeps_s / mean_s)
    first = (1 - popularity.own) * there
    follow_up = soon + (1 - soon) * first  # by the visit itself, or else by another's
    asked = popularity.follow_ups
    return Found(
        keeps_s=keeps_s, first=first, follow_up=follow_up, share=(first + asked * follow_up) / (1 + asked)
    )


def _been_there(popularity: Popularity, ways: float) -> tuple[float, float]:
    """How likely an earlier ask of a follow-up's visit went the same of so many ways, and how long ago on average."""
    elsewhere = popularity.goes_on * (1 - 1 / ways)
    return 1 / ways / (1 - elsewhere), popularity.pause_s / (1 - elsewhere)


def _cover_s(popularity: Popularity, ways: float, keeps_s: float) -> float:
    """For how long a visit keeps its photo in one of so many caches, on average."""
    ever, mean_s = _been_there(popularity, ways)
    again = popularity.goes_on * ever  # that one more ask of the visit comes there
    until_next_s = again * mean_s * -math.expm1(-keeps_s / mean_s) + (1 - again) * keeps_s
    return popularity.asks / ways * until_next_s


def most_asked(popularity: Popularity) -> float:
    """The share of all visits that is about the most popular photo."""
    probability, _ = _ranks(popularity.photos, popularity.zipf)
    return (1 - popularity.own) * float(probability[0])


def _ranks(photos: float, zipf: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities of photos, and how many have each: the first ranks one by one, the others in groups."""
    whole = max(1, round(photos))
    if whole <= EXACT_RANKS:
        begins = np.arange(1, whole + 2, dtype=np.float64)
    else:
        above = np.unique(np.round(np.geomspace(EXACT_RANKS + 1, whole + 1, GROUPS)))
        begins = np.concatenate([np.arange(1, EXACT_RANKS + 1, dtype=np.float64), above])
    count = np.diff(begins)
    middle = np.sqrt(begins[:-1] * (begins[1:] - 1))
    weight = middle**-zipf
    return weight / float(count @ weight), count


def _time_that_fills(held: Callable[[float], float], room: float) -> float:
    """Che's T, by halving; infinite where the cache holds all that there is."""
    if held(LONGEST_S) <= room * (1 + 1e-9):
        return math.inf
    low, high = -30.0, math.log(LONGEST_S)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if held(math.exp(middle)) < room else (low, middle)
    return math.exp((low + high) / 2)
