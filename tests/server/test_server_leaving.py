"""Callers who leave at any moment: nobody else notices, nothing is computed for them later, nothing is left behind."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import Any

import pytest
from photo_files import photo
from server_rig import WAIT_S, MakeRig

from asksight.server import sight
from asksight.server.asks import Ask, Reply
from asksight.server.errors import AskError, Cancelled, DeadlineExceeded, ImageNotFound, Overloaded
from asksight.server.limits import Limits
from asksight.server.patience import Cancellation

ASKS = 600
PHOTOS = [photo(seed=seed) for seed in range(30)]


@pytest.mark.parametrize("leads", [False, True])
def test_callers_who_leave_at_random_leave_nothing_behind(make_rig: MakeRig, leads: bool) -> None:
    rig = make_rig(
        Limits(cache_bytes=5000, encoder_batch=4, answerer_batch=4)
    )  # a few photos: most are encoded again and again
    ids = [rig.assistant.ask(Ask(question="what?", photo=file)).image_id for file in PHOTOS]
    given_up: list[AskError] = []

    def call(number: int) -> str:
        chance = random.Random(number)
        which, kind, soon_s = chance.randrange(len(PHOTOS)), chance.randrange(4), chance.uniform(0, 0.02)
        cancellation = Cancellation()
        deadline = time.monotonic() + (soon_s if kind == 0 else WAIT_S)
        if kind == 1:
            Timer(soon_s, cancellation.cancel).start()
        by_id = kind == 3
        ask = Ask(
            question=f"what is number {number}?",
            photo=None if by_id else PHOTOS[which],
            image_id=ids[which] if by_id else None,
        )
        try:
            reply = rig.assistant.ask(
                ask, deadline=deadline, cancelled=cancellation, given_up=given_up.append if leads else None
            )
        except DeadlineExceeded:
            return "expired" if kind == 0 else "wronged"
        except Overloaded:
            return "refused" if kind == 0 else "wronged"  # its time is shorter than the queue
        except Cancelled:
            return "cancelled" if kind == 1 else "wronged"
        except ImageNotFound:
            return "evicted" if by_id else "wronged"
        assert isinstance(reply, Reply)
        assert reply.image_id == ids[which]
        return "answered"

    with ThreadPoolExecutor(32) as callers:
        outcomes = list(callers.map(call, range(ASKS)))
    assert "wronged" not in outcomes  # nobody was failed by another's leaving
    assert {"answered", "expired", "cancelled"} <= set(outcomes)
    assert all(isinstance(error, Cancelled) for error in given_up)
    rig.assistant.close()  # the rows of those who left are dropped by now
    assert rig.assistant._gate.inside == 0
    assert rig.assistant._inside == {}
    answering = rig.assistant._answering
    assert answering._sight._cache.in_flight == 0
    assert answering._sight._room.waiting == 0
    assert answering._sight._room._taken == 0
    assert answering._encoder.waiting == answering._answerer.waiting == 0


def test_a_leader_whose_time_is_up_when_it_has_decoded_leads_no_more(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig()
    deadline = time.monotonic() + 0.5
    decoded: list[Any] = []
    decode = vars(sight)["decode"]

    def slow_decode(*args: Any, **kwargs: Any) -> Any:
        decoded.append(decode(*args, **kwargs))
        assert len(decoded) == 1
        while time.monotonic() < deadline:
            time.sleep(0.01)  # it decodes for as long as there is time, and nothing tells when that is up
        return decoded[0]

    monkeypatch.setattr(sight, "decode", slow_decode)
    ask = Ask(question="what?", photo=PHOTOS[0])
    with pytest.raises(DeadlineExceeded):
        rig.assistant.ask(ask, deadline=deadline, given_up=decoded.append)
    assert len(decoded) == 1
    assert rig.encoded_rows == 0
