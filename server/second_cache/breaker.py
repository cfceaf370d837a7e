"""When a Redis that fails is left alone, and for how long. Pure: whoever asks brings the outcomes.

Each failure adds 1 to a sum that every outcome multiplies by 0.9 first: five in a row open it, and so does every other
one, while every tenth does not. (Nygard, Release It!, 2007, "Circuit Breaker".)
"""

from __future__ import annotations

FORGETS = 0.9
OPENS_ABOVE = 4.0
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


class Breaker:
    """Closed: it is asked. Open: it is not, but for a trial now and then."""

    def __init__(self) -> None:
        self.closed = True
        self._failures = 0.0
        self._wait_s = FIRST_WAIT_S

    def worked(self) -> None:
        """One outcome."""
        self._failures *= FORGETS

    def failed(self) -> bool:
        """Another; whether it has just opened."""
        self._failures = self._failures * FORGETS + 1
        if not self.closed or self._failures <= OPENS_ABOVE:
            return False
        self.open()
        return True

    def open(self) -> None:
        """Ask no more."""
        self.closed = False

    def next_trial_s(self) -> float:
        """How long to wait before the next trial, twice as long each time."""
        wait_s = self._wait_s
        self._wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
        return wait_s

    def close(self) -> None:
        """A trial went well: ask again."""
        self.closed = True
        self._failures = 0.0
        self._wait_s = FIRST_WAIT_S
