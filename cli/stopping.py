"""How SIGTERM and Ctrl-C end a verb that serves: the first asks it to stop, a second one ends it at once."""

from __future__ import annotations

import signal
from queue import SimpleQueue

# A SimpleQueue, since its put() may interrupt anything; a threading.Event's set() may not.
Stops = SimpleQueue[int]


def stop_signals() -> Stops:
    """Give a queue that gets the first signal; the second finds the system's own way to end the process."""
    stops: Stops = SimpleQueue()

    def stop(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        stops.put(number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    return stops
