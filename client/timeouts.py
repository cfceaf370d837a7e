"""What callers may give as a timeout: any number of seconds, and what is none is said."""

from __future__ import annotations

import math
from numbers import Real

from .errors import InvalidAskError

METADATA = "asksight-timeout-ms"  # for servers behind Ray Serve, which are not told gRPC's own
LONGEST_S = 100_000_000.0  # three years; timers and gRPC's header hold no more, and whoever waits longer waits for ever


def timeout_s(timeout: float) -> float:
    """The seconds of one ask, infinite where they are more than three years; 0 or less has run out already.

    Raises InvalidAskError for nan, and TypeError for what is no number.
    """
    _check_type(timeout)
    if math.isnan(timeout):
        raise InvalidAskError(
            "The timeout is nan; it must be a number of seconds, or math.inf for no limit.", field="timeout"
        )
    return math.inf if timeout > LONGEST_S else float(timeout)


def default_timeout_s(timeout: float) -> float:
    """The seconds of each ask of a client. Raises ValueError where no ask could be answered in them, and TypeError."""
    _check_type(timeout)
    if not timeout > 0:
        raise ValueError(f"The timeout is {timeout} s; it must be above 0, or math.inf for no limit.")
    return timeout_s(timeout)


def as_metadata(timeout_s: float) -> tuple[tuple[str, str], ...]:
    """Say in metadata for how long the caller waits, from when the call is sent; nothing where that is for ever."""
    return () if math.isinf(timeout_s) else ((METADATA, str(max(1, math.ceil(timeout_s * 1000)))),)


def _check_type(timeout: float) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, Real):
        raise TypeError(
            f"The timeout is of type {type(timeout).__name__}; it must be a number of seconds, as in 10.0."
        )
