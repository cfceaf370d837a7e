"""Callers who leave at any moment: nobody else notices, nothing is computed for them later, nothing is left behind."""

from __future__ import annotations

import random
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event, Timer
from typing import Any

import pytest
from asking import ask
from photo_files import photo
from server_rig import NOTHING, WAIT_S, MakeRig, Rig, hold, release, until

from asksight.server.asks import Ask
from asksight.server.core import photo_features
from asksight.server.errors import DeadlineExceeded, ImageNotFound, Overloaded
from asksight.server.limits import Limits

ASKS = 600
PHOTOS = [photo(seed=seed) for seed in range(30)]


def test_callers_who_leave_at_random_leave_nothing_behind(make_rig: MakeRig) -> None:
    rig = make_rig(
        Limits(cache_bytes=5000, encoder_batch=4, answerer_batch=4)
    )  # a few photos: most are encoded again and again
    ids = [rig.local.ask(Ask(question="what?", photo=file)).image_id for file in PHOTOS]

    def call(number: int) -> str:
        chance = random.Random(number)
        which, kind, soon_s = chance.randrange(len(PHOTOS)), chance.randrange(4), chance.uniform(0, 0.02)
        by_id = kind == 3
        asking = rig.local.start(
            Ask(
                question=f"what is number {number}?",
                photo=None if by_id else PHOTOS[which],
                image_id=ids[which] if by_id else None,
                deadline_s=time.monotonic() + (soon_s if kind == 0 else WAIT_S),
            )
        )
        if kind == 1:
            Timer(soon_s, asking.cancel).start()
        try:
            reply = asking.result(WAIT_S)
        except DeadlineExceeded:
            return "expired" if kind == 0 else "wronged"
        except Overloaded:
            return "refused" if kind == 0 else "wronged"  # its time is shorter than the queue
        except CancelledError:
            return "cancelled" if kind == 1 else "wronged"
        except ImageNotFound:
            return "evicted" if by_id else "wronged"
        assert reply.image_id == ids[which]
        return "answered"

    with ThreadPoolExecutor(32) as callers:
        outcomes = list(callers.map(call, range(ASKS)))
    assert "wronged" not in outcomes  # nobody was failed by another's leaving
    assert {"answered", "expired", "cancelled"} <= set(outcomes)
    until(lambda: rig.left == NOTHING)


def test_a_first_ask_whose_time_is_up_when_its_photo_is_decoded_is_not_encoded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = Event()
    decoded: list[Any] = []
    decode = vars(photo_features)["open_photo"]

    def slow_decode(*args: Any, **kwargs: Any) -> Any:
        picture = decode(*args, **kwargs)
        assert expired.wait(WAIT_S)
        decoded.append(picture)
        return picture

    monkeypatch.setattr(photo_features, "open_photo", slow_decode)
    with pytest.raises(DeadlineExceeded):
        rig.local.ask(ask(deadline_s=time.monotonic() + 0.5))
    assert rig.left["decodings"] > 0  # its thread is still decoding
    expired.set()
    until(lambda: rig.left == NOTHING)
    assert len(decoded) == 1
    assert rig.encoded_rows == 0


def test_a_first_ask_that_expires_takes_nobody_with_it(rig: Rig) -> None:
    hold(rig.encoder)
    busy = rig.local.start(ask(9))
    assert rig.encoder.entered.wait(WAIT_S)
    first = rig.local.start(ask(0, deadline_s=time.monotonic() + 0.2))
    follower = rig.local.start(ask(0))
    with pytest.raises(DeadlineExceeded):
        first.result(WAIT_S)
    release(rig.encoder)
    assert follower.result(WAIT_S).answers
    assert busy.result(WAIT_S).answers
    assert rig.encoded_rows == 2


def test_after_one_that_expired_alone_the_next_begins_anew(rig: Rig) -> None:
    hold(rig.encoder)
    busy = rig.local.start(ask(9))
    assert rig.encoder.entered.wait(WAIT_S)
    with pytest.raises(DeadlineExceeded):
        rig.local.ask(ask(0, deadline_s=time.monotonic() + 0.2))
    follower = rig.local.start(ask(0))
    release(rig.encoder)
    assert follower.result(WAIT_S).answers
    assert busy.result(WAIT_S).answers
    assert rig.encoded_rows == 2


def test_expired_and_cancelled_asks_are_never_computed(rig: Rig) -> None:
    hold(rig.encoder)
    busy = rig.local.start(ask(29))
    assert rig.encoder.entered.wait(WAIT_S)
    cancelled = [rig.local.start(ask(10 + number)) for number in range(5)]
    until(lambda: rig.waiting_photos == 5)
    expired = [rig.local.start(ask(number, deadline_s=time.monotonic() + 0.3)) for number in range(5)]
    for future in cancelled:
        future.cancel()
    for future in expired:
        with pytest.raises(DeadlineExceeded):
            future.result(WAIT_S)
    release(rig.encoder)
    assert busy.result(WAIT_S).answers
    assert rig.local.ask(ask(28)).answers
    assert rig.encoded_rows == 2
    assert rig.answered_rows == 2
    assert rig.left == NOTHING


def test_questions_of_those_who_left_are_never_computed_either(rig: Rig) -> None:
    image_id = rig.local.ask(ask(0)).image_id
    hold(rig.answerer)
    busy = rig.local.start(Ask(question="number 0?", image_id=image_id))
    assert rig.answerer.entered.wait(WAIT_S)
    gone, late, stays = (
        rig.local.start(Ask(question="what?", image_id=image_id, deadline_s=deadline_s))
        for deadline_s in (None, time.monotonic() + 0.2, None)
    )
    until(lambda: rig.look(lambda: rig.model.answerer.waiting) == 3 or late.done())
    gone.cancel()
    with pytest.raises(DeadlineExceeded):
        late.result(WAIT_S)
    release(rig.answerer)
    assert busy.result(WAIT_S).answers
    assert stays.result(WAIT_S).answers
    assert rig.answerer.batch_sizes == [1, 1, 1]
