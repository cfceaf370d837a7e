"""The walk with a second cache: looked into once for all who ask, before a run; what a run made is given to others."""

from __future__ import annotations

import asyncio
import hashlib

import numpy as np
import pytest
from loop_rig import in_loop, turns
from photo_files import photo
from photos_rig import FEATURES, ROW, Bench

from asksight.server.core.cache import Encoded
from asksight.server.errors import ImageNotFound, Overloaded
from asksight.server.observer import CacheUse

FILE = photo(seed=1)
IMAGE_ID = hashlib.sha256(FILE).hexdigest()


class SecondByHand:
    """Its looks are answered by hand."""

    def __init__(self) -> None:
        self.looks: list[asyncio.Future[Encoded | None]] = []
        self.kept: list[str] = []

    async def find(self, image_id: str) -> Encoded | None:
        self.looks.append(asyncio.get_running_loop().create_future())
        return await self.looks[-1]

    def keep(self, image_id: str, made: Encoded) -> None:
        self.kept.append(image_id)


def bench() -> tuple[Bench, SecondByHand]:
    second = SecondByHand()
    return Bench(second=second), second


@in_loop
async def test_an_id_alone_is_answered_from_it_and_remembered_here() -> None:
    here, second = bench()
    asks = [here.see(image_id=IMAGE_ID), here.see(FILE), here.see(image_id=IMAGE_ID)]
    await turns()
    (look,) = second.looks
    asks[0].cancel()  # who leaves does not take it from the others
    await turns()
    look.set_result(Encoded(FEATURES, ()))
    seen = await asyncio.gather(*asks[1:])
    assert [one.cached for one in seen] == [True, True]
    assert all(np.array_equal(one.encoded.features, FEATURES) for one in seen)
    assert (await here.see(image_id=IMAGE_ID)).encode_us == 0
    assert here.uses == [CacheUse.SECOND, CacheUse.SECOND, CacheUse.HIT]
    assert here.decoders.jobs == []
    assert second.kept == []  # it is there


@in_loop
async def test_where_there_is_nothing_a_photo_is_encoded_and_given_to_others() -> None:
    here, second = bench()
    by_id, whole = here.see(image_id=IMAGE_ID), here.see(FILE)
    await turns()
    assert here.decoders.jobs == []
    second.looks[0].set_result(None)
    await turns()
    with pytest.raises(ImageNotFound):  # and the one with the photo is not failed with it
        await by_id
    await here.decoded()
    joining = here.see(image_id=IMAGE_ID)
    await turns()
    assert len(second.looks) == 1  # a run is under way
    here.encoder.rows[0].future.set_result(ROW)
    assert [one.cached for one in await asyncio.gather(whole, joining)] == [False, True]
    assert second.kept == [IMAGE_ID]
    assert here.uses == [CacheUse.MISS, CacheUse.MISS, CacheUse.SHARED]


@in_loop
async def test_it_is_looked_into_before_anybody_is_refused_for_want_of_room() -> None:
    here, second = bench()
    here.encoder.full = Overloaded(retry_after_s=1.0)
    known, new = here.see(FILE), here.see(photo(seed=2))
    await turns()
    second.looks[0].set_result(Encoded(FEATURES, ()))
    second.looks[1].set_result(None)
    assert (await known).cached
    with pytest.raises(Overloaded):
        await new
