"""Large bodies take turns: they are read at a bounded rate together, so that the event loop has time for others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl

FREE_BYTES = 256 * 1024  # of one body, which are read as they come
BYTES_PER_S = 32 * 2**20  # of all large bodies together; reading and parsing them takes a tenth of the loop
UNREAD_BYTES_PER_S = (
    4 * 2**20
)  # of all those that nobody reads, so that strangers take nothing from who is let in
COST = 5  # seconds for each of parsing, which so takes a fifth of the loop at most, in whatever pieces bodies come
BURST_S = 0.2  # how far ahead of that rate they may be, so that one photo alone hardly waits


class Turns:
    """Whose body may be read on, and when. Lives in the event loop."""

    def __init__(self, bytes_per_s: int = BYTES_PER_S) -> None:
        self._bytes_per_s = bytes_per_s
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent_s = 0.0  # the time by which the bytes taken so far are paid for
        self._timer: asyncio.TimerHandle | None = None

    def take(self, count: int, go_on: Callable[[], None], *, parsed_s: float = 0.0) -> None:
        """Count bytes that were read and parsed in `parsed_s`, and call `go_on` once more may be."""
        loop = asyncio.get_running_loop()
        self._spent_s = max(self._spent_s, loop.time()) + max(count / self._bytes_per_s, COST * parsed_s)
        self._waiting.append(go_on)
        if self._timer is None:
            self._timer = loop.call_at(self._spent_s - BURST_S, self._next)

    def _next(self) -> None:
        self._waiting.popleft()()  # which may take the next turn at once, by the timer below
        self._timer = None
        if self._waiting:
            loop = asyncio.get_running_loop()
            # What goes on now is not counted yet: at least a chunk's time passes before another one does.
            at_s = max(self._spent_s - BURST_S, loop.time() + FREE_BYTES / self._bytes_per_s)
            self._timer = loop.call_at(at_s, self._next)


class TurnTaking(FlowControl):
    """uvicorn's flow control of one connection, which reads neither while the application nor while its turn waits."""

    _resting = False

    def rest(self) -> None:
        """Read nothing more until `go_on`."""
        self._resting = True
        self._apply()

    def go_on(self) -> None:
        """End a rest."""
        self._resting = False
        self._apply()

    def pause_reading(self) -> None:
        """For the application, which has enough for now."""
        self.read_paused = True
        self._apply()

    def resume_reading(self) -> None:
        """For the application, which takes more."""
        self.read_paused = False
        self._apply()

    def _apply(self) -> None:
        if self._transport.is_closing():
            return
        if self._resting or self.read_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
