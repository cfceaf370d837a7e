"""The assistant's blocking face: its models are added, asked, replaced and closed from other threads."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from asking import ask
from bundles import write_random_bundle
from photo_files import photo
from server_rig import NOTHING, WAIT_S, MakeRig, Rig, fake_engine, hold, release, until

from asksight.engine import Bundle, BundleError
from asksight.server.asks import Ask
from asksight.server.errors import (
    DeadlineExceeded,
    InvalidAsk,
    ModelNotFound,
    ServerError,
    Unavailable,
)
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.v1 import vqa_pb2


def test_many_asks_have_their_outcomes_in_their_places(rig: Rig) -> None:
    results = rig.local.ask_many([ask(1), Ask(question="", photo=photo()), ask(2)])
    assert [type(one) for one in results] == [vqa_pb2.AskResponse, InvalidAsk, vqa_pb2.AskResponse]
    assert rig.local.ask_many([]) == []


def test_one_ask_raises_what_it_failed_with(rig: Rig) -> None:
    with pytest.raises(InvalidAsk):
        rig.local.ask(Ask(question="", photo=photo()))
    with pytest.raises(InvalidAsk):
        rig.local.start(Ask(question="", photo=photo())).result(WAIT_S)


@pytest.mark.parametrize("many", [False, True])
def test_at_its_deadline_an_ask_ends_and_leaves_nothing(rig: Rig, many: bool) -> None:
    hold(rig.encoder)
    late = ask(deadline_s=time.monotonic() + 0.2)
    with pytest.raises(DeadlineExceeded):
        rig.local.ask_many([late, ask(1)]) if many else rig.local.ask(late)
    until(lambda: {**rig.left, "rows": 0} == NOTHING)  # rows are dropped when the engine is free
    release(rig.encoder)
    until(lambda: rig.left == NOTHING)


def test_to_cancel_what_was_started_is_to_leave(rig: Rig) -> None:
    hold(rig.encoder)
    future = rig.local.start(ask())
    assert rig.encoder.entered.wait(WAIT_S)
    assert future.cancel()
    with pytest.raises(CancelledError):
        future.result(WAIT_S)
    until(lambda: rig.left == NOTHING)  # while the engine is still held


def test_who_is_interrupted_while_it_waits_leaves(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Future[object]) -> object:
        assert rig.encoder.entered.wait(WAIT_S)
        raise KeyboardInterrupt

    hold(rig.encoder)
    with monkeypatch.context() as patch:
        patch.setattr(Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rig.local.ask(ask())
    until(lambda: rig.left == NOTHING)


def test_a_name_is_taken_once(make_rig: MakeRig, bundle: Bundle) -> None:
    rig = make_rig()
    with pytest.raises(ServerError, match=r"'random'.*NAME=BUNDLE"):
        rig.local.add_engines(bundle, rig.shop.encoder, rig.shop.answerer)
    assert [one.closed for one in rig.shop.encoders] == [False, True]
    assert rig.local.add_engines(bundle, rig.shop.encoder, rig.shop.answerer, name="another") == "another"
    assert rig.assistant.models.names == ["random", "another"]
    assert rig.local.ask(ask(model="another")).answers
    with pytest.raises(ModelNotFound, match="random, another"):
        rig.local.model("third")


def test_a_bundle_is_read_again_and_takes_over_while_an_ask_goes_on(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "bundle", version="1")
    with LocalAssistant(limits=Limits(encoder_batch=2, answerer_batch=2)) as local:
        local.add(tmp_path / "bundle", threads=1)
        assert local.path() == tmp_path / "bundle"
        assert local.ask(ask()).model == "random 1"
        shutil.rmtree(tmp_path / "bundle")
        with pytest.raises(BundleError):
            local.reopen()
        assert local.ask(ask()).model == "random 1"
        write_random_bundle(tmp_path / "bundle", version="2")
        local.reopen()
        assert local.ask(ask()).model == "random 2"
        assert local.model().version == "2"


def test_asks_end_with_the_engines_that_they_began_with(rig: Rig) -> None:
    hold(rig.encoder)
    before = rig.local.start(ask(1))
    assert rig.encoder.entered.wait(WAIT_S)
    old = rig.model
    with ThreadPoolExecutor(1) as other_thread:
        reopening = other_thread.submit(rig.local.reopen)
        until(lambda: rig.model is not old)
        after = rig.local.ask(ask(1))
        assert not reopening.done()
        assert not rig.encoder.closed
        release(rig.encoder)
        reopening.result(WAIT_S)
    assert not after.timings.features_cached  # what another encoder made is nothing to it
    assert before.result(WAIT_S).answers == after.answers
    assert rig.answerer.closed
    assert [one.closed for one in rig.shop.encoders] == [True, False]


def test_those_who_listen_hear_when_health_may_have_changed(rig: Rig) -> None:
    heard: list[bool] = []
    rig.look(lambda: rig.assistant.health_listeners.append(lambda: heard.append(rig.local.healthy)))
    rig.local.reopen()
    assert heard == [True]


def test_when_it_is_closed_nothing_is_answered_and_a_second_time_nothing_happens(bundle: Bundle) -> None:
    encoder, answerer = (fake_engine(path) for path in (bundle.encoder_path, bundle.answerer_path))
    local = LocalAssistant.of(bundle, encoder=encoder, answerer=answerer)
    assert local.healthy
    local.close()
    local.close()
    assert not local.healthy
    assert encoder.closed
    assert answerer.closed
    for use in (local.ask, local.start, lambda one: local.ask_many([one])):
        with pytest.raises(Unavailable, match="Open it again"):
            use(ask())


@pytest.mark.parametrize("drain", [True, False])
def test_a_close_finishes_what_was_accepted_or_fails_it(make_rig: MakeRig, drain: bool) -> None:
    rig = make_rig()
    hold(rig.encoder)
    inside = rig.local.start(ask(1))
    assert rig.encoder.entered.wait(WAIT_S)
    waiting = rig.local.start(ask(2))
    until(lambda: rig.waiting_photos == 1)
    closing = rig.local.thread.start(rig.assistant.close(drain=drain))
    until(lambda: not rig.local.healthy)
    release(rig.encoder)
    closing.result(WAIT_S)
    if drain:
        assert inside.result(WAIT_S).answers
        assert waiting.result(WAIT_S).answers
    else:
        with pytest.raises(Unavailable):
            waiting.result(WAIT_S)
    assert rig.encoded_rows == 1 + drain


def test_of_an_opening_that_fails_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        LocalAssistant.open(tmp_path / "missing")
