"""One photo's features: made once for all who ask meanwhile, given up with the last of them, remembered afterwards."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import numpy as np
import pytest
from loop_rig import WAIT_S, in_loop, turns
from photo_files import encoded, photo
from photos_rig import FEATURES, INPUT, ROW, SIDE, Bench
from PIL import Image

from asksight.photos.decode import check_photo, decoding_bytes, decoding_s
from asksight.server.core.image_ids import SMALL_BYTES
from asksight.server.core.photo_features import Seen
from asksight.server.core.row_queue import NEVER_S
from asksight.server.errors import (
    DeadlineExceeded,
    ImageNotFound,
    InternalError,
    InvalidAsk,
    Overloaded,
)
from asksight.server.limits import Limits
from asksight.server.observer import CacheUse

FILE = photo(seed=1)
IMAGE_ID = hashlib.sha256(FILE).hexdigest()


async def ended(*tasks: asyncio.Task[Seen]) -> list[Seen | BaseException]:
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT_S)


@in_loop
async def test_those_who_ask_about_one_new_photo_share_one_run() -> None:
    bench = Bench()
    first = bench.see(FILE)
    await turns()
    second = bench.see(FILE)
    await bench.decoded()
    third = bench.see(FILE, deadline_s=5e9)
    fourth = bench.see(image_id=IMAGE_ID)
    await turns()
    (row,) = bench.encoder.rows
    assert list(row.awaited_by.values()) == [NEVER_S, NEVER_S, 5e9, NEVER_S]
    assert row.picture["image"].shape == (SIDE, SIDE, 3)
    row.future.set_result(ROW)
    seen = await asyncio.gather(first, second, third, fourth)
    assert [one.cached for one in seen] == [False, True, True, True]
    assert {one.image_id for one in seen} == {IMAGE_ID}
    assert all(one.encoded is seen[0].encoded for one in seen)
    assert np.array_equal(seen[0].encoded.features, FEATURES)
    assert len(bench.decoders.jobs) == 1
    assert bench.uses == [CacheUse.MISS, *[CacheUse.SHARED] * 3]
    assert bench.heard_decoded == 4  # each was told that it only waits for the encoder
    again = await bench.see(FILE)
    by_id = await bench.see(image_id=IMAGE_ID)
    assert (again.cached, by_id.cached, by_id.encode_us) == (True, True, 0)
    assert bench.uses[-2:] == [CacheUse.HIT, CacheUse.HIT]
    assert bench.photos.in_flight == {}


@pytest.mark.parametrize("decoded_first", [False, True])
@in_loop
async def test_the_first_may_leave_and_is_not_missed(decoded_first: bool) -> None:
    bench = Bench()
    first, second = bench.see(FILE), bench.see(FILE)
    if decoded_first:
        await bench.decoded()
    await turns()
    first.cancel()
    await turns()
    if not decoded_first:
        await bench.decoded()
    (row,) = bench.encoder.rows
    assert len(row.awaited_by) == 1
    row.future.set_result(ROW)
    assert (await asyncio.wait_for(second, WAIT_S)).cached
    assert first.cancelled()
    assert len(bench.decoders.jobs) == 1


@in_loop
async def test_when_all_leave_while_it_is_decoded_no_row_ever_comes() -> None:
    bench = Bench()
    tasks = [bench.see(FILE), bench.see(FILE)]
    await turns()
    for task in tasks:
        task.cancel()
    await turns()
    assert bench.decoders.jobs[0].future.cancelled()
    assert bench.encoder.rows == []
    assert bench.photos.in_flight == {}
    assert len(bench.photos.cache) == 0


@in_loop
async def test_when_all_leave_while_it_waits_for_the_encoder_its_row_is_cancelled() -> None:
    bench = Bench()
    tasks = [bench.see(FILE), bench.see(FILE)]
    await bench.decoded()
    for task in tasks:
        task.cancel()
    await turns()
    assert bench.encoder.rows[0].future.cancelled()
    assert not bench.encoder.rows[0].awaited_by
    assert bench.photos.in_flight == {}
    anew = bench.see(FILE)
    await bench.decoded()
    bench.encoder.rows[1].future.set_result(ROW)
    assert not (await asyncio.wait_for(anew, WAIT_S)).cached


@pytest.mark.parametrize("decoded_first", [False, True])
@in_loop
async def test_who_comes_just_after_a_run_was_given_up_gets_one_of_its_own(decoded_first: bool) -> None:
    bench = Bench()
    first = bench.see(FILE)
    if decoded_first:
        await bench.decoded()
    await turns()
    first.cancel()
    second = bench.see(FILE)  # runs in the same turn, right after the first has left
    await turns()
    assert not second.done()
    assert len(bench.photos.in_flight) == 1  # the end of the first run has not taken it away
    await bench.decoded()
    bench.encoder.rows[-1].future.set_result(ROW)
    assert not (await asyncio.wait_for(second, WAIT_S)).cached
    assert len(bench.decoders.jobs) == 2


@in_loop
async def test_who_comes_just_after_a_row_was_dropped_as_late_gets_a_run_of_its_own() -> None:
    bench = Bench()
    late = bench.see(FILE, deadline_s=1.0)
    await bench.decoded()
    bench.encoder.rows[0].future.set_exception(DeadlineExceeded())
    second = bench.see(FILE)  # comes before the run has heard of it
    await turns()
    assert isinstance((await ended(late))[0], DeadlineExceeded)
    await bench.decoded()
    bench.encoder.rows[1].future.set_result(ROW)
    assert not (await asyncio.wait_for(second, WAIT_S)).cached


@in_loop
async def test_who_comes_just_after_the_last_left_in_the_moment_in_which_the_row_was_made_is_answered() -> (
    None
):
    bench = Bench()
    first = bench.see(FILE)
    await bench.decoded()
    first.cancel()  # and with it the run, before that hears of its row
    bench.encoder.rows[0].future.set_result(ROW)
    second = bench.see(FILE)
    await turns()
    await bench.decoded()
    bench.encoder.rows[1].future.set_result(ROW)
    assert (await asyncio.wait_for(second, WAIT_S)).image_id == IMAGE_ID


@in_loop
async def test_who_comes_just_after_a_row_was_made_has_it_without_another_run() -> None:
    bench = Bench()
    first = bench.see(FILE)
    await bench.decoded()
    bench.encoder.rows[0].future.set_result(ROW)
    second = bench.see(FILE)  # comes before the run has heard of it
    assert [one.cached for one in await asyncio.wait_for(asyncio.gather(first, second), WAIT_S)] == [
        False,
        True,
    ]
    assert len(bench.encoder.rows) == 1


@in_loop
async def test_an_unexpected_failure_is_logged_told_as_internal_to_all_and_not_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    tasks = [bench.see(FILE), bench.see(FILE)]
    await turns()
    bench.decoders.jobs[0].future.set_exception(KeyError("/srv/secret"))
    outcomes = await ended(*tasks)
    assert [type(one) for one in outcomes] == [InternalError, InternalError]
    assert "secret" not in str(outcomes[0])
    assert "secret" in caplog.text
    assert bench.photos.in_flight == {}
    assert len(bench.photos.cache) == 0


@in_loop
async def test_what_a_photo_or_the_encoder_is_refused_for_is_told_to_all() -> None:
    bench = Bench()
    tasks = [bench.see(FILE), bench.see(FILE)]
    await turns()
    bench.decoders.jobs[0].future.set_exception(InvalidAsk("It is broken.", field="image_data"))
    assert [type(one) for one in await ended(*tasks)] == [InvalidAsk, InvalidAsk]
    tasks = [bench.see(FILE), bench.see(FILE)]
    await bench.decoded()
    bench.encoder.rows[0].future.set_exception(InternalError())
    assert [type(one) for one in await ended(*tasks)] == [InternalError, InternalError]
    assert bench.photos.in_flight == {}


@in_loop
async def test_an_id_alone_makes_nothing() -> None:
    bench = Bench()
    (missing,) = await ended(bench.see(image_id=IMAGE_ID))
    assert isinstance(missing, ImageNotFound)
    bads: list[dict[str, Any]] = [{}, *({"image_id": one} for one in ("", "0" * 63, "F" * 64))]
    for bad in (*bads, {"file": FILE, "image_id": IMAGE_ID}):
        (refused,) = await ended(bench.see(**bad))
        assert isinstance(refused, InvalidAsk)
    assert bench.encoder.asked_for_room == []
    assert bench.decoders.jobs == []
    assert bench.photos.in_flight == {}


@in_loop
async def test_photos_that_are_being_decoded_count_for_those_who_come_after_them() -> None:
    bench = Bench()
    bench.see(FILE)
    await turns()
    bench.see(photo(seed=2), deadline_s=9e9)
    await turns()
    assert bench.encoder.asked_for_room == [(NEVER_S, 0), (9e9, 1)]
    await bench.decoded()  # the second: its row waits with the encoder, which counts it itself
    bench.see(photo(seed=3))
    await turns()
    assert bench.encoder.asked_for_room[2] == (NEVER_S, 1)
    bench.encoder.full = Overloaded(retry_after_s=1.0)
    refused = bench.see(photo(seed=4))
    joins = bench.see(FILE)  # whose run is under way anyway
    assert isinstance((await ended(refused))[0], Overloaded)
    await turns()
    assert not joins.done()
    assert len(bench.decoders.jobs) == 3  # it was not decoded in vain
    assert len(bench.photos.in_flight) == 3


@in_loop
async def test_decoding_takes_the_room_that_the_header_tells_and_large_files_are_read_in_a_thread() -> None:
    bench = Bench()
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    large = encoded(Image.fromarray(noise), "PNG")
    assert len(large) > SMALL_BYTES
    bench.see(FILE)
    await turns()
    assert bench.decoders.jobs[0].size_bytes == decoding_bytes(
        check_photo(FILE, Limits().photo), INPUT.smallest_px
    )
    seeing = bench.see(large)
    await turns()
    assert (len(bench.decoders.jobs), bench.decoders.jobs[1].size_bytes) == (2, 0)
    bench.decoders.jobs[1].through()
    await turns()
    assert bench.decoders.jobs[2].size_bytes == decoding_bytes(
        check_photo(large, Limits().photo), INPUT.smallest_px
    )
    await bench.decoded()
    bench.encoder.rows[0].future.set_result(ROW)
    assert (await asyncio.wait_for(seeing, WAIT_S)).image_id == hashlib.sha256(large).hexdigest()
    assert bench.decoders.jobs[1].caller == bench.decoders.jobs[2].caller == ""


@in_loop
async def test_decoding_is_of_the_askers_share_and_is_charged_by_its_pixels() -> None:
    bench = Bench()
    jpeg, webp = photo("JPEG", width=400, height=300), photo("WEBP", width=400, height=300)
    seeing = [bench.see(file, caller="somebody") for file in (jpeg, webp)]
    await turns()
    estimates = [decoding_s(check_photo(file, Limits().photo), INPUT.smallest_px) for file in (jpeg, webp)]
    assert [(job.caller, job.estimate_s) for job in bench.decoders.jobs] == [
        ("somebody", estimate) for estimate in estimates
    ]
    assert 0 < 5 * estimates[0] < estimates[1]
    for task in seeing:
        task.cancel()
    await turns()
