"""Waiting until something holds that no event tells of, such as a line in another process's log."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 60.0  # for what comes at once; long, so that a slow machine fails no test
LOOK_EVERY_S = 0.005


def until(true: Callable[[], bool]) -> None:
    """Return when `true()` is; fail when it is not within WAIT_S."""
    ends_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < ends_s
        time.sleep(LOOK_EVERY_S)
