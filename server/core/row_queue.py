"""The rows that wait for one engine: who is let in, who runs next, who is dropped. Lives in the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from ..errors import AskError, Cancelled, DeadlineExceeded, Overloaded
from ..observer import Observer, Reason
from .batching import ENGINES_SHARE, BatchLimits, DrainRate, Waiting, close_batch, hopeless

NEVER_S = float("inf")

Item = TypeVar("Item")
Out = TypeVar("Out")
Awaited: TypeAlias = Mapping[
    "asyncio.Future[Any]", float
]  # who waits for a row, and until when each of them does


class Row(Generic[Item, Out]):
    """One item that waits for an engine or is in it, and who waits for its outcome."""

    __slots__ = ("awaited_by", "caller", "future", "item", "since_s")

    def __init__(
        self, item: Item, future: asyncio.Future[Out], awaited_by: Awaited, caller: str = ""
    ) -> None:
        self.item = item
        self.future = future
        self.awaited_by = awaited_by
        self.caller = caller
        self.since_s = time.monotonic()  # its turn among all rows; see RowQueue.add

    def seen(self, now_s: float) -> Waiting:
        """The row as `close_batch` sees it now: it is wanted until all who wait for it have left."""
        deadlines_s = [until_s for waiter, until_s in self.awaited_by.items() if not waiter.cancelled()]
        latest_s = max(deadlines_s, default=NEVER_S)
        return Waiting(
            age_s=now_s - self.since_s,
            deadline_in_s=None if latest_s == NEVER_S else latest_s - now_s,
            cancelled=not deadlines_s or self.future.done(),
        )


class RowQueue(Generic[Item, Out]):
    """Bounded in rows, and by deadlines: a row that would only expire is refused."""

    def __init__(self, name: str, limits: BatchLimits, observer: Observer) -> None:
        self.rate = DrainRate()
        self._name = name
        self._limits = limits
        self._observer = observer
        self._rows: list[Row[Item, Out]] = []  # in order of arrival
        self._of_caller: Counter[str] = Counter()
        self._last_turn_s: dict[str, float] = {}  # of those callers

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row[Item, Out]) -> None:
        """Put a row in the queue; call `check_room` before.

        Rows of one caller have their turns one row's time apart, as if they had come one by one: who sends a batch of
        256 lets others in between.
        """
        waiting = self._of_caller[row.caller]
        if waiting:
            row_s, last_s = self.rate.row_s or 0.0, self._last_turn_s[row.caller]
            row.since_s = max(last_s, min(last_s + row_s, row.since_s + waiting * row_s), row.since_s)
        self._of_caller[row.caller] = waiting + 1
        self._last_turn_s[row.caller] = row.since_s
        self._rows.append(row)

    def check_room(self, deadline_s: float, *, running: int, coming: int) -> None:
        """Raise Overloaded when the queue is full, or so long that a new row would expire in it.

        `running` rows are in the engine, and `coming` more, which are still being made, count as ahead of it.
        """
        if len(self._rows) + coming >= self._limits.queue_capacity:
            self.take(0)  # drops rows that nobody waits for any more, which makes room
        if len(self._rows) + coming >= self._limits.queue_capacity or hopeless(
            ahead=len(self._rows) + running + coming,
            row_s=self.rate.row_s,
            deadline_in_s=None if deadline_s == NEVER_S else deadline_s - time.monotonic(),
            max_batch=self._limits.max_batch,
        ):
            raise Overloaded(retry_after_s=self.rate.retry_after_s(len(self._rows) + running + coming))

    def take(self, at_most: int) -> list[Row[Item, Out]]:
        """Take the rows to run out of those that wait, and drop those that nobody waits for."""
        rows, limits = self._rows, self._limits
        now_s = time.monotonic()  # one for all, or those that came together would change places
        closing = close_batch(
            [row.seen(now_s) for row in rows],
            at_most,
            longest_wait_s=limits.longest_wait_s,
            batch_s=(self.rate.row_s or 0.0) * at_most / ENGINES_SHARE,
        )
        for gone, reason, error in (
            (closing.expired, Reason.EXPIRED, DeadlineExceeded()),
            (closing.cancelled, Reason.CANCELLED, Cancelled()),
        ):
            if gone:
                fail((rows[i] for i in gone), error)
                self._observer.rows_dropped(self._name, reason, len(gone))
        taken = {*closing.run, *closing.expired, *closing.cancelled}
        for i in taken:
            self._forget(rows[i].caller)
        self._rows = [row for i, row in enumerate(rows) if i not in taken]
        self._observer.queued(self._name, len(self._rows))
        return [rows[i] for i in closing.run]

    def fail_all(self, error: AskError) -> None:
        """Fail every row that waits."""
        fail(self._rows, error)
        self._rows = []
        self._of_caller.clear()
        self._last_turn_s.clear()
        self._observer.queued(self._name, 0)

    def _forget(self, caller: str) -> None:
        self._of_caller[caller] -= 1
        if not self._of_caller[caller]:
            del self._of_caller[caller], self._last_turn_s[caller]


def give_out(rows: Sequence[Row[Item, Out]], outcomes: Sequence[Out | AskError]) -> None:
    """Give each row its outcome; rows whose callers have left are skipped."""
    for row, outcome in zip(rows, outcomes, strict=True):
        if row.future.done():
            continue
        if isinstance(outcome, AskError):
            row.future.set_exception(outcome)
        else:
            row.future.set_result(outcome)


def fail(rows: Iterable[Row[Item, Out]], error: AskError) -> None:
    """Fail them all."""
    for row in rows:
        if not row.future.done():
            row.future.set_exception(error)
