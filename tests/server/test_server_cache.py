"""The cache holds so many bytes and no more, and one photo's run serves all who ask about it meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksight.server.cache import ENTRY_BYTES, Encoded, Encoding, FeatureCache
from asksight.server.errors import InternalError
from asksight.server.patience import Cancellation, Patience

FOREVER = Patience()


def features(numbers: int = 10) -> Encoded:
    return Encoded(np.zeros(numbers, np.float32), ())


def remember(cache: FeatureCache, image_id: str, encoded: Encoded) -> None:
    found, leads = cache.find_or_lead(image_id, FOREVER)
    if leads:
        assert isinstance(found, Encoding)
        cache.settle(found, encoded)


def test_what_was_encoded_is_found_again() -> None:
    cache, encoded = FeatureCache(10_000), features()
    assert cache.find("a", FOREVER) is None
    remember(cache, "a", encoded)
    assert cache.find("a", FOREVER) is encoded
    assert cache.find_or_lead("a", FOREVER) == (encoded, False)


def test_the_least_recently_used_goes_first() -> None:
    cache = FeatureCache(3 * (40 + ENTRY_BYTES))
    for image_id in "abc":
        remember(cache, image_id, features())
    cache.find("a", FOREVER)
    remember(cache, "d", features())
    assert [image_id for image_id in "abcd" if cache.find(image_id, FOREVER)] == ["a", "c", "d"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2000)), max_size=60), st.integers(0, 20_000))
def test_its_bytes_are_counted_and_bounded(photos: list[tuple[int, int]], capacity: int) -> None:
    cache = FeatureCache(capacity)
    for number, size in photos:
        remember(cache, str(number), features(size))
        found = [cache.find(str(n), FOREVER) for n in range(10)]
        held = [encoded for encoded in found if isinstance(encoded, Encoded)]
        assert cache.size_bytes == sum(encoded.size_bytes for encoded in held) <= capacity
        assert len(cache) == len(held)
    assert cache.in_flight == 0


def test_the_first_leads_and_the_others_share() -> None:
    cache = FeatureCache(10_000)
    run, leads = cache.find_or_lead("a", FOREVER)
    assert leads
    assert isinstance(run, Encoding)
    assert cache.find_or_lead("a", FOREVER) == (run, False)
    assert cache.find("a", FOREVER) is run
    encoded = features()
    cache.settle(run, encoded)
    assert run.future.result(0) is encoded


def test_a_run_is_wanted_as_long_as_one_of_its_callers_is() -> None:
    cache, leader = FeatureCache(10_000), Cancellation()
    run, _ = cache.find_or_lead("a", Patience(None, leader))
    assert isinstance(run, Encoding)
    cache.find("a", FOREVER)
    leader.cancel()
    assert not run.crowd.cancelled()


def test_a_failure_is_everybodys_and_is_not_remembered() -> None:
    cache = FeatureCache(10_000)
    run, _ = cache.find_or_lead("a", FOREVER)
    assert isinstance(run, Encoding)
    cache.settle(run, InternalError())
    with pytest.raises(InternalError):
        run.future.result(0)
    assert cache.find("a", FOREVER) is None


def test_a_run_that_is_given_up_can_be_led_by_another() -> None:
    cache = FeatureCache(10_000)
    run, _ = cache.find_or_lead("a", FOREVER)
    assert isinstance(run, Encoding)
    cache.settle(run, None)
    assert run.future.result(0) is None
    _, leads = cache.find_or_lead("a", FOREVER)
    assert leads
