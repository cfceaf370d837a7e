"""The cache holds so many bytes and no more, and forgets first what was not used for longest."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asksight.server.core.cache import ENTRY_BYTES, Encoded, PhotoCache


def features(numbers: int = 10) -> Encoded:
    return Encoded(np.zeros(numbers, np.float32), ())


def test_what_was_encoded_is_found_again() -> None:
    cache, encoded = PhotoCache[Encoded](10_000), features()
    assert cache.find("a") is None
    cache.remember("a", encoded)
    assert cache.find("a") is encoded
    assert cache.find("b") is None


def test_the_least_recently_used_goes_first() -> None:
    cache = PhotoCache[Encoded](3 * (40 + ENTRY_BYTES))
    for image_id in "abc":
        cache.remember(image_id, features())
    cache.find("a")
    cache.remember("d", features())
    assert [image_id for image_id in "abcd" if cache.find(image_id)] == ["a", "c", "d"]


def test_one_that_is_larger_than_all_is_not_kept_and_drives_nothing_out() -> None:
    cache = PhotoCache[Encoded](2 * (40 + ENTRY_BYTES))
    cache.remember("a", features())
    cache.remember("b", features(10_000))
    assert cache.find("a")
    assert cache.find("b") is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2000)), max_size=60), st.integers(0, 20_000))
def test_its_bytes_are_counted_and_bounded(photos: list[tuple[int, int]], capacity: int) -> None:
    cache = PhotoCache[Encoded](capacity)
    for number, size in photos:
        cache.remember(str(number), features(size))
        held = [encoded for encoded in (cache.find(str(n)) for n in range(10)) if encoded is not None]
        assert cache.size_bytes == sum(encoded.size_bytes for encoded in held) <= capacity
        assert len(cache) == len(held)
