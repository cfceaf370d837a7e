"""A bounded queue in front of one thread that owns an engine.

The thread never waits while anything does: idle, it takes what is there; busy, it lets the queue grow, so that batches
become large by themselves exactly when that helps. What runs and what is dropped is decided in batching.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Generic, TypeVar

from .batching import BatchLimits, DrainRate, FailureStreak, Waiting, close_batch
from .errors import AskError, Cancelled, DeadlineExceeded, InternalError, Overloaded, Unavailable
from .patience import Interest

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Row]):
    item: Item
    interest: Interest
    since_s: float
    future: Future[Row]


class Batcher(Generic[Item, Row]):
    """Runs items in batches through `run`, in one thread of its own. Thread-safe.

    `run` takes the items of a batch and returns a row for each, or an AskError for one that failed alone. If it
    raises, or returns another number of rows, that batch fails with InternalError, and no other. While the engine
    fails and nobody asks, `probe` is called every `probe_every_s` seconds; `on_health` is told, in the owner's
    thread, when `healthy` changes.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Sequence[Item]], Sequence[Row | AskError]],
        *,
        limits: BatchLimits,
        probe: Callable[[], object] | None = None,
        on_health: Callable[[], object] | None = None,
        probe_every_s: float = 1.0,
    ) -> None:
        self._name = name
        self._run = run
        self._limits = limits
        self._probe = probe
        self._on_health = on_health
        self._probe_every_s = probe_every_s
        self._changed = Condition()
        self._waiting: list[_Entry[Item, Row]] = []  # oldest first
        self._running: list[_Entry[Item, Row]] = []
        self._closing = False
        self._rate = DrainRate()
        self._streak = FailureStreak()
        self._owner = Thread(target=self._own, name=f"asksight-{name}", daemon=True)
        self._owner.start()

    def submit(self, item: Item, interest: Interest) -> Future[Row]:
        """Queue one item; the future gets its row, or the AskError that it failed with.

        Raises Overloaded when the queue is full and Unavailable after close(), both at once.
        """
        entry: _Entry[Item, Row] = _Entry(item, interest, time.monotonic(), Future())
        with self._changed:
            self._check_room()
            self._waiting.append(entry)
            self._changed.notify()
        return entry.future

    def check_room(self) -> None:
        """Raise what `submit` would raise now, before anything dear is done for an item."""
        with self._changed:
            self._check_room()

    def _check_room(self) -> None:
        if self._closing:
            raise Unavailable
        if len(self._waiting) >= self._limits.queue_capacity:
            self._take(0)  # those for whom nobody waits any more keep nobody out
        if len(self._waiting) >= self._limits.queue_capacity:
            raise Overloaded(retry_after_s=self._retry_after_s())

    @property
    def waiting(self) -> int:
        """How many rows wait, without those that run."""
        return len(self._waiting)

    @property
    def healthy(self) -> bool:
        """False while the engine fails batch after batch, and after close()."""
        return self._streak.healthy and not self._closing

    def retry_after_s(self) -> float:
        """How long what is here now will take, by the measured drain rate."""
        with self._changed:
            return self._retry_after_s()

    def _retry_after_s(self) -> float:
        return self._rate.retry_after_s(len(self._waiting) + len(self._running))

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> bool:
        """Take nothing more; finish what waits, or fail it with Unavailable; end the thread.

        After `timeout_s` whatever is left is failed. Returns whether the thread has ended: one that hangs in its
        engine is left to itself, and the engine must not be touched.
        """
        with self._changed:
            self._closing = True
            dropped = [] if drain else self._take_all()
            self._changed.notify_all()
        _fail(dropped, Unavailable())
        self._owner.join(timeout_s)
        with self._changed:
            left = [*self._running, *self._take_all()]
        _fail(left, Unavailable())
        return not self._owner.is_alive()

    def _take_all(self) -> list[_Entry[Item, Row]]:
        taken, self._waiting = self._waiting, []
        return taken

    def _own(self) -> None:
        while self._wait_for_work():
            batch = self._close_batch()
            if batch:
                self._run_batch(batch)
            elif not self._streak.healthy:
                self._try_again()

    def _wait_for_work(self) -> bool:
        """Sleep until something waits, or until a failing engine is to be tried; False when all is over."""
        with self._changed:
            while not self._waiting and not self._closing:
                if not self._changed.wait(None if self._streak.healthy else self._probe_every_s):
                    return True
            return bool(self._waiting)

    def _take(self, max_batch: int) -> list[_Entry[Item, Row]]:
        """Close a batch: take the rows to run out of the queue, and drop those that nobody waits for."""
        with self._changed:
            entries = self._waiting
            closing = close_batch([_look(entry) for entry in entries], max_batch)
            taken = {*closing.run, *closing.expired, *closing.cancelled}
            self._waiting = [entry for i, entry in enumerate(entries) if i not in taken]
            _fail([entries[i] for i in closing.expired], DeadlineExceeded())
            _fail([entries[i] for i in closing.cancelled], Cancelled())
            return [entries[i] for i in closing.run]

    def _close_batch(self) -> list[_Entry[Item, Row]]:
        with self._changed:
            self._running = self._take(self._limits.max_batch)
            return self._running

    def _run_batch(self, batch: list[_Entry[Item, Row]]) -> None:
        started_s = time.monotonic()
        try:
            rows = self._run([entry.item for entry in batch])
            if len(rows) != len(batch):
                raise RuntimeError(f"{len(batch)} rows went in, {len(rows)} came out")
        except Exception:
            log.exception("The %s failed on a batch of %d", self._name, len(batch))
            self._after(failed=True)
            _fail(batch, InternalError("The model failed on this ask. Ask again; the server's log says why."))
        else:
            self._rate.ran(len(batch), time.monotonic() - started_s)
            self._after(failed=False)
            for entry, row in zip(batch, rows, strict=True):
                _settle(entry.future, row)
        with self._changed:
            self._running = []

    def _try_again(self) -> None:
        if self._probe is None:
            return
        try:
            self._probe()
        except Exception:
            log.exception("The %s still fails", self._name)
            self._after(failed=True)
        else:
            self._after(failed=False)

    def _after(self, *, failed: bool) -> None:
        before = self._streak.healthy
        self._streak.batch(failed=failed)
        if self._streak.healthy != before:
            log.warning("The %s %s", self._name, "works again" if self._streak.healthy else "keeps failing")
            if self._on_health is not None:
                self._on_health()


def _look(entry: _Entry[Item, Row]) -> Waiting:
    now_s = time.monotonic()
    deadline_s = entry.interest.deadline_s()
    return Waiting(
        age_s=now_s - entry.since_s,
        deadline_in_s=None if deadline_s is None else deadline_s - now_s,
        cancelled=entry.interest.cancelled(),
    )


def _fail(entries: Sequence[_Entry[Item, Row]], error: AskError) -> None:
    for entry in entries:
        _settle(entry.future, error)


def _settle(future: Future[Row], outcome: Row | AskError) -> None:
    try:
        if isinstance(outcome, AskError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    except InvalidStateError:
        log.debug("a row was settled twice: close() gave up on its engine first")
