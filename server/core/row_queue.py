"""The rows that wait for one engine: who is let in, who runs next, who is dropped. Lives in the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from ..errors import AskError, Cancelled, DeadlineExceeded, Overloaded
from ..observer import Observer, Reason
from .batching import ENGINES_SHARE, BatchLimits, DrainRate, Waiting, close_batch, hopeless, most_bulk

NEVER_S = float("inf")
ABOUT_S = 1.0  # a caller's last row ran so long ago at most: the next is likely to come soon

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

    def seen(self, now_s: float, *, bulk: bool = False) -> Waiting:
        """The row as `close_batch` sees it now: it is wanted until all who wait for it have left."""
        deadlines_s = [until_s for waiter, until_s in self.awaited_by.items() if not waiter.cancelled()]
        latest_s = max(deadlines_s, default=NEVER_S)
        return Waiting(
            age_s=now_s - self.since_s,
            deadline_in_s=None if latest_s == NEVER_S else latest_s - now_s,
            cancelled=not deadlines_s or self.future.done(),
            bulk=bulk,
        )


@dataclass(slots=True)
class _Caller:
    """A caller of whom rows wait."""

    rows: int = 0
    last_turn_s: float = 0.0
    bulk: bool = False  # since it last had none, it has had more than a batch holds


class RowQueue(Generic[Item, Out]):
    """Bounded in rows, and by deadlines: a row that would only expire is refused."""

    def __init__(self, name: str, limits: BatchLimits, observer: Observer) -> None:
        self.rate = DrainRate()
        self._name = name
        self._limits = limits
        self._observer = observer
        self._rows: list[Row[Item, Out]] = []  # in order of arrival
        self._callers: dict[str, _Caller] = {}
        self._ran_s: dict[str, float] = {}  # when the last row ran of each caller who is about

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row[Item, Out]) -> None:
        """Put a row in the queue; call `check_room` before.

        Rows of one caller have their turns one row's time apart, as if they had come one by one: who sends a batch of
        256 lets others in between, and beside others gets only a part of each batch.
        """
        own = self._callers.setdefault(row.caller, _Caller())
        if own.rows:
            row_s, last_s = self.rate.row_s or 0.0, own.last_turn_s
            row.since_s = max(last_s, min(last_s + row_s, row.since_s + own.rows * row_s), row.since_s)
        own.rows += 1
        own.last_turn_s = row.since_s
        own.bulk = own.bulk or own.rows > self._limits.max_batch
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
        bulk = {caller for caller, own in self._callers.items() if own.bulk}
        closing = close_batch(
            [row.seen(now_s, bulk=row.caller in bulk) for row in rows],
            at_most,
            most_bulk=most_bulk(at_most, self.rate.row_s) if self._others(bulk, now_s) else None,
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
        self._ran_s.update((rows[i].caller, now_s) for i in closing.run)
        self._rows = [row for i, row in enumerate(rows) if i not in taken]
        self._observer.queued(self._name, len(self._rows))
        return [rows[i] for i in closing.run]

    def fail_all(self, error: AskError) -> None:
        """Fail every row that waits."""
        fail(self._rows, error)
        self._rows = []
        self._callers.clear()
        self._observer.queued(self._name, 0)

    def _others(self, bulk: set[str], now_s: float) -> bool:
        """Whether callers are about who sent few."""
        self._ran_s = {caller: ran_s for caller, ran_s in self._ran_s.items() if now_s - ran_s < ABOUT_S}
        return not bulk >= self._callers.keys() | self._ran_s.keys()

    def _forget(self, caller: str) -> None:
        own = self._callers[caller]
        own.rows -= 1
        if not own.rows:
            del self._callers[caller]


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
