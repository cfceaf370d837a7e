"""A bounded queue in front of one thread that owns an engine.

The thread never waits while anything does: idle, it takes what is there; busy, it lets the queue grow, so that batches
become large by themselves exactly when that helps. What runs and what is dropped is decided in batching.py; what is
done about an engine that hangs, in watchdog.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Generic, TypeAlias

from asksight.engine import EngineLostError

from .batching import ENGINES_SHARE, BatchLimits, DrainRate, FailureStreak, close_batch, hopeless
from .entries import Entry, Item, Row, fail
from .errors import (
    AskError,
    Cancelled,
    DeadlineExceeded,
    InternalError,
    Overloaded,
    Reopening,
    Unavailable,
)
from .observer import Observer, Reason
from .patience import Interest

log = logging.getLogger(__name__)

FAILED = "The model failed on this ask. Ask again; the server's log says why."

Run: TypeAlias = Callable[[Sequence[Item]], Sequence[Row | AskError]]


class Batcher(Generic[Item, Row]):
    """Runs items in batches through `run`, in one thread of its own. Thread-safe.

    `run` takes the items of a batch and returns a row for each, or an AskError for one that failed alone. If it
    raises, or returns another number of rows, that batch fails with InternalError, and no other. Where it raises
    EngineLostError, all asks fail with Reopening until `reopen` has given another `run`. While the engine fails and
    nobody asks, `probe` is called every `probe_every_s` seconds; `on_health` is told, from any thread, when `healthy`
    changes.
    """

    def __init__(
        self,
        name: str,
        run: Run[Item, Row],
        *,
        limits: BatchLimits,
        reopen: Callable[[], Run[Item, Row]] | None = None,
        probe: Callable[[], object] | None = None,
        on_health: Callable[[], object] | None = None,
        probe_every_s: float = 1.0,
        observer: Observer | None = None,
    ) -> None:
        self.name = name
        self._run = run
        self._limits = limits
        self._reopen = reopen
        self._lost = False  # there is no engine just now
        self.failed_reopenings = 0  # of the engine that was lost; 0 once one succeeds
        self._probe = probe
        self._on_health = on_health
        self._probe_every_s = probe_every_s
        self._observer = observer or Observer()
        self._changed = Condition()
        self._waiting: list[Entry[Item, Row]] = []  # in order of arrival
        self._running: list[Entry[Item, Row]] = []
        self._coming = 0  # items that are being made
        self._busy_since_s: float | None = None  # since when the owner is inside the engine
        self._closing = False
        self._rate = DrainRate()
        self._streak = FailureStreak()
        self._turn = 0  # of the owners; one whose turn is over leaves without touching anything
        self._ended = False  # the last owner has left
        self._start_owner(None)

    def submit(self, item: Item, interest: Interest, *, expected: bool = False) -> Future[Row]:
        """Queue one item; the future gets its row, or the AskError that it failed with.

        Raises Overloaded when the queue is full, or so long that the item would expire in it, and Unavailable
        after close(), both at once. One that was `expect`ed is not told so late that it will expire.
        """
        entry: Entry[Item, Row] = Entry(item, interest, time.monotonic(), Future())
        with self._changed:
            self._check_room(interest, expected=expected)
            self._waiting.append(entry)
            self._observer.queued(self.name, len(self._waiting))
            self._changed.notify()
        return entry.future

    def check_room(self, interest: Interest) -> None:
        """Raise what `submit` would raise now, before anything dear is done for an item."""
        with self._changed:
            self._check_room(interest)

    def expect(self, interest: Interest) -> Callable[[], None]:
        """Count an item that is still being made as ahead of those to be expected later; raise as `submit` does.

        It counts until what is returned is called, at least once: when it was submitted, or will not be.
        """
        with self._changed:
            self._check_room(interest, coming=self._coming)
            self._coming += 1
        expected = [True]

        def came() -> None:
            with self._changed:
                self._coming -= len(expected)
                expected.clear()

        return came

    def _check_room(self, interest: Interest, *, coming: int = 0, expected: bool = False) -> None:
        if self._closing:
            raise Unavailable
        if self._lost:
            raise Reopening
        if len(self._waiting) >= self._limits.queue_capacity:
            self._take(0)  # those for whom nobody waits any more keep nobody out
        deadline_s = None if expected else interest.deadline_s()
        if len(self._waiting) >= self._limits.queue_capacity or hopeless(
            ahead=len(self._waiting) + len(self._running) + coming,
            row_s=self._rate.row_s,
            deadline_in_s=None if deadline_s is None else deadline_s - time.monotonic(),
            max_batch=self._limits.max_batch,
        ):
            raise Overloaded(retry_after_s=self._retry_after_s())

    @property
    def waiting(self) -> int:
        """How many rows wait, without those that run."""
        return len(self._waiting)

    @property
    def healthy(self) -> bool:
        """False while the engine hangs or fails batch after batch, and after close()."""
        return self._streak.healthy and not self._lost and not self._closing

    def retry_after_s(self) -> float:
        """How long what is here now will take, by the measured drain rate."""
        with self._changed:
            return self._retry_after_s()

    def _retry_after_s(self) -> float:
        return self._rate.retry_after_s(len(self._waiting) + len(self._running))

    def busy_for_s(self) -> float:
        """How long the owner has been inside the engine; 0 when it is not."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def replace_owner(self, reopen: Callable[[], Run[Item, Row]]) -> None:
        """Leave a thread that hangs to itself, fail its batch, and go on with a new thread and a new engine.

        The new thread calls `reopen` until it succeeds; what waits goes on waiting, until its deadlines.
        """
        with self._changed:
            hung, self._running = self._running, []
            self._busy_since_s = None
            self._streak.hung()
            self._start_owner(reopen)
        fail(hung, InternalError(FAILED))
        self._observer.engine_failed(self.name, "hung")
        self._tell_health("hangs and is opened anew")

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> bool:
        """Take nothing more; finish what waits, or fail it with Unavailable; end the thread.

        After `timeout_s` whatever is left is failed. Returns whether the thread has ended: one that hangs in its
        engine is left to itself, and the engine must not be touched.
        """
        with self._changed:
            self._closing = True
            dropped = [] if drain else self._take_all()
            self._changed.notify_all()
        fail(dropped, Unavailable())
        with self._changed:
            ended = self._changed.wait_for(lambda: self._ended, timeout_s)
            left = [*self._running, *self._take_all()]
        fail(left, Unavailable())
        return ended

    def _take_all(self) -> list[Entry[Item, Row]]:
        taken, self._waiting = self._waiting, []
        return taken

    def _start_owner(self, reopen: Callable[[], Run[Item, Row]] | None) -> None:
        self._turn += 1
        Thread(target=self._own, args=(self._turn, reopen), name=f"asksight-{self.name}", daemon=True).start()

    def _own(self, turn: int, reopen: Callable[[], Run[Item, Row]] | None) -> None:
        if reopen is None or self._open_anew(turn, reopen):
            self._work(turn)
        with self._changed:
            if self._turn == turn:
                self._ended = True
                self._changed.notify_all()

    def _work(self, turn: int) -> None:
        while self._turn == turn and self._wait_for_work():
            batch = self._close_batch(turn)
            if batch:
                self._run_batch(turn, batch)
            elif not self._streak.healthy and self._probe is not None:
                self._try(turn, self._probe, "still fails")

    def _open_anew(self, turn: int, reopen: Callable[[], Run[Item, Row]]) -> bool:
        def open_engine() -> None:
            run = reopen()
            with self._changed:
                if self._turn == turn:
                    self._run = run
                    self._lost = False
                    self.failed_reopenings = 0

        while not self._try(turn, open_engine, "cannot be opened anew"):
            with self._changed:
                self.failed_reopenings += self._lost
                self._changed.wait_for(lambda: self._closing or self._turn != turn, self._probe_every_s)
                if self._closing or self._turn != turn:
                    return False
        return True

    def _wait_for_work(self) -> bool:
        """Sleep until something waits, or until a failing engine is to be tried; False when all is over."""
        with self._changed:
            while not self._waiting and not self._closing:
                if not self._changed.wait(None if self._streak.healthy else self._probe_every_s):
                    return True
            return bool(self._waiting)

    def _take(self, max_batch: int) -> list[Entry[Item, Row]]:
        """Close a batch: take the rows to run out of the queue, and drop those that nobody waits for."""
        entries = self._waiting
        now_s = time.monotonic()  # one for all, or those that came together would change places
        closing = close_batch(
            [entry.look(now_s) for entry in entries],
            max_batch,
            longest_wait_s=self._limits.longest_wait_s,
            batch_s=(self._rate.row_s or 0.0) * max_batch / ENGINES_SHARE,
        )
        taken = {*closing.run, *closing.expired, *closing.cancelled}
        self._waiting = [entry for i, entry in enumerate(entries) if i not in taken]
        for rows, reason, error in (
            (closing.expired, Reason.EXPIRED, DeadlineExceeded()),
            (closing.cancelled, Reason.CANCELLED, Cancelled()),
        ):
            if rows:
                fail([entries[i] for i in rows], error)
                self._observer.rows_dropped(self.name, reason, len(rows))
        self._observer.queued(self.name, len(self._waiting))
        return [entries[i] for i in closing.run]

    def _close_batch(self, turn: int) -> list[Entry[Item, Row]]:
        with self._changed:
            if self._turn != turn:
                return []
            self._running = self._take(self._limits.max_batch)
            self._busy_since_s = time.monotonic() if self._running else None
            return self._running

    def _run_batch(self, turn: int, batch: list[Entry[Item, Row]]) -> None:
        started_s = time.monotonic()
        rows: Sequence[Row | AskError] | None = None
        lost = False
        try:
            rows = self._run([entry.item for entry in batch])
            if len(rows) != len(batch):
                raise RuntimeError(f"{len(batch)} rows went in, {len(rows)} came out")
        except Exception as error:
            log.exception("The %s failed on a batch of %d", self.name, len(batch))
            rows, lost = None, isinstance(error, EngineLostError)
        run_s = time.monotonic() - started_s
        with self._changed:
            if self._turn != turn:
                return  # it hung; the batch was failed and this thread replaced
            self._running = []
            self._busy_since_s = None
        if lost and self._reopen is not None:
            self._recover(turn, batch, self._reopen)
            return
        self._after(failed=rows is None)
        if rows is None:
            fail(batch, InternalError(FAILED))
            return
        self._rate.ran(len(batch), run_s)
        waited_s = [started_s - entry.since_s for entry in batch]
        self._observer.batch(self.name, rows=len(batch), run_s=run_s, waited_s=waited_s)
        for entry, row in zip(batch, rows, strict=True):
            entry.settle(row)

    def _recover(
        self, turn: int, batch: list[Entry[Item, Row]], reopen: Callable[[], Run[Item, Row]]
    ) -> None:
        """Send away who asks, and open the engine anew, which may take a while."""
        with self._changed:
            self._lost = True
            self._streak.hung()
            sent_away = [*batch, *self._take_all()]
            self._observer.queued(self.name, 0)
        fail(sent_away, Reopening())
        self._observer.engine_failed(self.name, "lost")
        self._tell_health("was lost and is opened anew")
        self._open_anew(turn, reopen)

    def _try(self, turn: int, attempt: Callable[[], object], failure: str) -> bool:
        """Try the engine, or opening it, when nobody's batch is at stake."""
        self._busy_since_s = time.monotonic()
        failed = False
        try:
            attempt()
        except Exception:
            log.exception("The %s %s", self.name, failure)
            failed = True
        if self._turn == turn:
            self._busy_since_s = None
            self._after(failed=failed)
        return not failed

    def _after(self, *, failed: bool) -> None:
        before = self._streak.healthy
        self._streak.batch(failed=failed)
        if failed:
            self._observer.engine_failed(self.name, "error")
        if self._streak.healthy != before:
            self._tell_health("works again" if self._streak.healthy else "keeps failing")

    def _tell_health(self, news: str) -> None:
        log.warning("The %s %s", self.name, news)
        if self._on_health is not None:
            self._on_health()
