"""What asks take at a load, held against queues whose answer is known; and how many machines a load needs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from math import log

import numpy as np
import pytest

from asksight.cli.plan.machines import Demand, need
from asksight.cli.plan.plan_errors import PlanError
from asksight.cli.plan.popularity import Popularity
from asksight.cli.plan.queueing import Kind, Machine, Mix, closed_loop, open_loop

SHARES = tuple(np.linspace(0, 1, 201).tolist())


def one_server(asks_per_s: float) -> Mix:
    """A single server with exponential service, first come, first served: n inside take the sum of n services."""
    chance = np.random.default_rng(0)
    callers = tuple(float(n) for n in range(1, 65))
    taken = [chance.gamma(n, 1000 / asks_per_s, 20_000) for n in callers]
    return Mix(
        cached=0.0,
        callers=callers,
        asks_per_s=(asks_per_s,) * len(callers),
        quantiles=SHARES,
        kinds=(Kind(share=1.0, latency_ms=tuple(tuple(np.quantile(one, SHARES).tolist()) for one in taken)),),
    )


def machine_of_two(new: Mix, known: Mix) -> Machine:
    return Machine(mixes=(new, replace(known, cached=1.0)))


@pytest.mark.parametrize("busy", [0.1, 0.5, 0.8])
def test_it_is_exact_for_a_single_server(busy: float) -> None:
    kind = one_server(100.0)
    taken = open_loop(machine_of_two(kind, kind), 100 * busy, 0.3)
    assert taken is not None
    mean_ms = 1000 / (100 * (1 - busy))  # M/M/1: exponential with that mean
    assert taken.p50_ms == pytest.approx(mean_ms * log(2), rel=0.05)
    assert taken.p99_ms == pytest.approx(mean_ms * log(100), rel=0.05)


def batches(asks_ms: Callable[[], float] | None, callers: int = 0, last_ms: float = 40_000.0) -> list[float]:
    """What asks take, in ms, of a server that runs all that waits as one batch of n in 5 + n ms, simulated.

    They come `asks_ms` apart, or from so many callers who ask again at once.
    """
    now_ms, taken = 0.0, []
    coming = [0.0] * callers if asks_ms is None else [asks_ms()]
    while now_ms < last_ms:
        now_ms = max(now_ms, coming[0])
        while asks_ms is not None and coming[-1] <= now_ms:
            coming.append(coming[-1] + asks_ms())
        batch = [came_ms for came_ms in coming if came_ms <= now_ms]
        now_ms += 5.0 + len(batch)
        taken += [now_ms - came_ms for came_ms in batch]
        coming = coming[len(batch) :] + ([now_ms] * len(batch) if asks_ms is None else [])
    return taken


@pytest.mark.parametrize("busy", [0.4, 0.75])
def test_asks_that_wait_for_a_batch_take_up_to_a_third_longer(busy: float) -> None:
    """The model's known fault, which docs/scale.md states: no worse, and never to the other side."""
    callers = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
    rates = tuple(1000 * one / (5 + one) for one in callers)  # they come together, so that none waits
    alone = Kind(share=1.0, latency_ms=tuple((5 + one,) * 2 for one in callers))
    mix = Mix(cached=0.0, callers=callers, asks_per_s=rates, quantiles=(0.0, 1.0), kinds=(alone,))
    for count, rate in zip(callers, rates, strict=True):
        assert len(batches(None, int(count))) / 40 == pytest.approx(rate, rel=0.02)
    chance = random.Random(0)
    took = sorted(batches(lambda: chance.expovariate(busy * rates[-1] / 1000)))
    told = open_loop(machine_of_two(mix, mix), busy * rates[-1], 0.3)
    assert told is not None
    assert 2 / 3 < told.p50_ms / took[len(took) // 2] < 1
    assert 2 / 3 < told.p99_ms / took[len(took) * 99 // 100] < 1


def test_two_kinds_share_a_machine_by_what_each_takes() -> None:
    machine = machine_of_two(one_server(50.0), one_server(200.0))
    assert machine.asks_per_s(0.0) == pytest.approx(50)
    assert machine.asks_per_s(1.0) == pytest.approx(200)
    assert machine.asks_per_s(0.5) == pytest.approx(80)  # 1 / (0.5 / 50 + 0.5 / 200)
    answered, taken = closed_loop(machine, 1, 0.5)
    assert answered == pytest.approx(80)
    assert 1000 / 200 * log(2) < taken.p50_ms < 1000 / 50 * log(2)


def test_the_kinds_of_a_mix_are_kept_apart() -> None:
    """Seven of ten asks take 1 ms, the others 9 ms, told by mixes of half and half and of four in five."""

    def mix(cached: float) -> Mix:
        kinds = ((1 - cached, 9.0), (cached, 1.0))
        spread = (0.9, 1.0, 1.1)
        return Mix(
            cached=cached,
            callers=(1.0, 2.0),
            asks_per_s=(1000 / (9 - 8 * cached),) * 2,
            quantiles=(0.0, 0.5, 1.0),
            kinds=tuple(
                Kind(share=share, latency_ms=(tuple(ms * one for one in spread),) * 2)
                for share, ms in kinds
                if share
            ),
        )

    machine = Machine(mixes=tuple(mix(cached) for cached in (0.0, 0.5, 0.8, 1.0)))
    for cached, p50_ms in ((0.3, 9.0), (0.7, 1.0)):
        _, taken = closed_loop(machine, 1, cached)
        assert taken.p50_ms == pytest.approx(p50_ms, rel=0.1)
        assert taken.p99_ms == pytest.approx(9.9, rel=0.02)


def test_too_many_asks_have_no_answer() -> None:
    machine = machine_of_two(one_server(50.0), one_server(200.0))
    assert open_loop(machine, 79.0, 0.5) is not None
    assert open_loop(machine, 80.1, 0.5) is None
    assert open_loop(machine, 79.9999, 0.5) is None  # on and on, in so long a queue


MACHINE = machine_of_two(one_server(50.0), one_server(200.0))
DEMAND = Demand(popularity=Popularity(), cached_photos=1000.0, spare=0, busiest=1.0)


@pytest.mark.parametrize("by_photo", [True, False])
def test_the_fewest_machines_that_are_enough(by_photo: bool) -> None:
    demand = replace(DEMAND, by_photo=by_photo)
    told = need(MACHINE, demand, 10_000)
    assert told.busy <= 0.7 < told.busy * told.machines / (told.machines - 1) + 0.01
    more = need(MACHINE, demand, 20_000)
    assert more.machines > told.machines
    assert need(MACHINE, replace(demand, at_most=0.35), 10_000).machines > told.machines


def test_a_bound_on_p99_takes_more_machines_or_none_is_enough() -> None:
    told = need(MACHINE, DEMAND, 10_000)
    bound = told.latency.p99_ms - 20
    quicker = need(MACHINE, replace(DEMAND, p99_ms=bound), 10_000)
    assert quicker.machines > told.machines
    assert quicker.latency.p99_ms <= bound
    with pytest.raises(PlanError, match="No number of machines answers 99 of 100 asks within 5 ms"):
        need(MACHINE, replace(DEMAND, p99_ms=5.0), 10_000)
    further = need(MACHINE, replace(DEMAND, network_ms=50.0), 10_000)
    assert further.latency.p50_ms == pytest.approx(told.latency.p50_ms + 50)


def test_regions_spare_machines_and_the_busiest_cost() -> None:
    one = need(MACHINE, replace(DEMAND, price=2.0), 10_000)
    assert one.price_an_hour == 2 * one.machines
    assert one.price_a_million == pytest.approx(2 * one.machines / 36)  # 10,000 x 3,600 asks
    three = need(MACHINE, replace(DEMAND, regions=3, spare=2), 10_000)
    assert three.machines % 3 == 0
    assert three.machines >= one.machines + 6
    assert three.found.first <= one.found.first  # three caches of a third each
    assert need(MACHINE, replace(DEMAND, busiest=1.5), 10_000).machines > one.machines


def test_one_photo_that_everybody_asks_about_is_said() -> None:
    everybody = replace(DEMAND, popularity=Popularity(photos=1, own=0.0))
    assert need(MACHINE, everybody, 10_000).hot_photo == pytest.approx(10_000 / 200)
