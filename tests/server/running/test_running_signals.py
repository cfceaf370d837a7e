"""Signals that end a verb, once by asking and then by force; and those that are listened to beside them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from server_rig import WAIT_S

from asksight.server.running.signals import ENDING, Signals

ALL = (*ENDING, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ALL}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.mark.parametrize("number", ENDING)
def test_the_first_asks_and_the_second_finds_the_systems_own_way(number: signal.Signals) -> None:
    signals = Signals()
    os.kill(os.getpid(), number)
    assert signals.get(WAIT_S) == number
    assert [signal.getsignal(each) for each in ENDING] == [signal.SIG_DFL] * 2


def test_others_are_told_as_often_as_they_come() -> None:
    signals = Signals(signal.SIGHUP)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.get(WAIT_S) == signal.SIGHUP
    assert signals.get(0) is None


def test_what_is_not_named_does_what_it_always_does() -> None:
    before = signal.getsignal(signal.SIGHUP)
    Signals()
    assert signal.getsignal(signal.SIGHUP) is before
