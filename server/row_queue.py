"""The rows that wait for one engine, run in it, or are on their way: who is let in, who runs next, who is dropped."""

from __future__ import annotations

import time
from typing import Generic

from .batching import ENGINES_SHARE, BatchLimits, DrainRate, close_batch, hopeless
from .entries import Entry, Item, Row, fail
from .errors import Cancelled, DeadlineExceeded, Overloaded
from .observer import Observer, Reason
from .patience import Interest


class RowQueue(Generic[Item, Row]):
    """Not thread-safe: the batcher that it belongs to holds its lock."""

    def __init__(self, name: str, limits: BatchLimits, observer: Observer) -> None:
        self.waiting: list[Entry[Item, Row]] = []  # in order of arrival
        self.running: list[Entry[Item, Row]] = []
        self.coming = 0  # items that are being made
        self.rate = DrainRate()
        self._name = name
        self._limits = limits
        self._observer = observer

    def add(self, entry: Entry[Item, Row]) -> None:
        """Have it wait; there is room, by `check_room`."""
        self.waiting.append(entry)
        self._observer.queued(self._name, len(self.waiting))

    def check_room(self, interest: Interest, *, coming: int = 0, expected: bool = False) -> None:
        """Raise Overloaded when the queue is full, or so long that a new row would expire in it.

        `coming` more count as ahead of it. One that is `expected` is not told so late that it will expire.
        """
        if len(self.waiting) >= self._limits.queue_capacity:
            self._take(0)  # those for whom nobody waits any more keep nobody out
        deadline_s = None if expected else interest.deadline_s()
        if len(self.waiting) >= self._limits.queue_capacity or hopeless(
            ahead=len(self.waiting) + len(self.running) + coming,
            row_s=self.rate.row_s,
            deadline_in_s=None if deadline_s is None else deadline_s - time.monotonic(),
            max_batch=self._limits.max_batch,
        ):
            raise Overloaded(retry_after_s=self.retry_after_s())

    def retry_after_s(self) -> float:
        """How long what is here now will take, by the measured drain rate."""
        return self.rate.retry_after_s(len(self.waiting) + len(self.running))

    def close_batch(self) -> list[Entry[Item, Row]]:
        """Take the rows to run out of those that wait, and drop those that nobody waits for."""
        self.running = self._take(self._limits.max_batch)
        return self.running

    def take_all(self) -> list[Entry[Item, Row]]:
        """Take all that wait, to be failed."""
        taken, self.waiting = self.waiting, []
        return taken

    def _take(self, max_batch: int) -> list[Entry[Item, Row]]:
        entries = self.waiting
        now_s = time.monotonic()  # one for all, or those that came together would change places
        closing = close_batch(
            [entry.look(now_s) for entry in entries],
            max_batch,
            longest_wait_s=self._limits.longest_wait_s,
            batch_s=(self.rate.row_s or 0.0) * max_batch / ENGINES_SHARE,
        )
        taken = {*closing.run, *closing.expired, *closing.cancelled}
        self.waiting = [entry for i, entry in enumerate(entries) if i not in taken]
        for rows, reason, error in (
            (closing.expired, Reason.EXPIRED, DeadlineExceeded()),
            (closing.cancelled, Reason.CANCELLED, Cancelled()),
        ):
            if rows:
                fail([entries[i] for i in rows], error)
                self._observer.rows_dropped(self._name, reason, len(rows))
        self._observer.queued(self._name, len(self.waiting))
        return [entries[i] for i in closing.run]
