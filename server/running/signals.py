"""The signals that a verb that serves waits for: the first one asks it to end, a second one ends it at once."""

from __future__ import annotations

import signal
import time
from queue import Empty, SimpleQueue

LOOK_EVERY_S = 0.2
ENDING = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Listens from the main thread. After the first signal that ends, the system's own way to end it is back."""

    def __init__(self, *others: signal.Signals) -> None:
        """`others` are listened to as well, as often as they come; what is not named does what it always does."""
        # A SimpleQueue, since its put() may interrupt anything; a threading.Event's set() may not.
        self._came: SimpleQueue[int] = SimpleQueue()
        for number in ENDING:
            signal.signal(number, self._end)
        for number in others:
            signal.signal(number, lambda number, _frame: self._came.put(number))

    def _end(self, number: int, _frame: object) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_DFL)
        self._came.put(number)

    def get(self, within_s: float | None = None) -> int | None:
        """Wait for the next signal, for ever or so many seconds; None where none came."""
        ends_s = None if within_s is None else time.monotonic() + within_s
        while True:
            left_s = LOOK_EVERY_S if ends_s is None else min(LOOK_EVERY_S, ends_s - time.monotonic())
            try:
                # Not in one go: a signal just before the thread sleeps, or to another thread, does not wake it.
                return self._came.get(timeout=max(0.0, left_s))
            except Empty:
                if ends_s is not None and time.monotonic() >= ends_s:
                    return None
