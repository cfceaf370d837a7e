"""A bounded queue in front of an engine, and whoever runs it: a thread of its own, or a caller who finds it idle.

The engine never waits while anything does: idle, it takes what is there; busy, it lets the queue grow, so that batches
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

from .batching import BatchLimits
from .engine_health import EngineHealth
from .entries import Entry, Item, Row, fail
from .errors import AskError, InternalError, Reopening, Unavailable
from .observer import Observer
from .once import Once
from .patience import GivenUp, Interest
from .row_queue import RowQueue

log = logging.getLogger(__name__)

FAILED = "The model failed on this ask. Ask again; the server's log says why."

Run: TypeAlias = Callable[[Sequence[Item]], Sequence[Row | AskError]]


class Batcher(Generic[Item, Row]):
    """Runs items in batches through `run`, one batch at a time. Thread-safe.

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
        self._reopen = reopen
        self._lost = False  # there is no engine just now
        self.failed_reopenings = 0  # of the engine that was lost; 0 once one succeeds
        self._probe = probe
        self._probe_every_s = probe_every_s
        self._observer = observer or Observer()
        self._changed = Condition()
        self._queue: RowQueue[Item, Row] = RowQueue(name, limits, self._observer)
        self._taken = False  # somebody runs a batch
        self._leader: GivenUp | None = None  # where that is a caller's thread
        self._busy_since_s: float | None = None  # since when somebody is inside the engine
        self._closing = False
        self._health = EngineHealth(name, self._observer, on_health)
        self._generation = 0  # of the engine; who drove an older one leaves without touching anything
        self._ended = False  # the last owner has left
        with self._changed:
            self._start_owner(None)

    def submit(
        self, item: Item, interest: Interest, *, expected: bool = False, lead: bool = False
    ) -> Future[Row]:
        """Queue one item; the future gets its row, or the AskError that it failed with.

        Raises Overloaded when the queue is full, or so long that the item would expire in it, and Unavailable
        after close(), both at once. One that was `expect`ed is not told so late that it will expire. With `lead` nobody
        is woken for it: the caller calls `lead` next, unless the engine is `busy`.
        """
        entry: Entry[Item, Row] = Entry(item, interest, time.monotonic(), Future())
        with self._changed:
            self._check_open()
            self._queue.check_room(interest, expected=expected)
            self._queue.add(entry)
            if not lead and not self._taken:
                self._changed.notify()
        return entry.future

    def lead(self, given_up: GivenUp) -> None:
        """Run a batch in the calling thread if the engine is idle; else have what waits run as ever.

        It spares an idle machine the way to another thread and back. If the engine hangs, so does the caller's thread:
        `given_up` is then told of it, by another.
        """
        with self._changed:
            if self._taken:
                return
            if self._closing or self._lost or not self._health.good:
                self._changed.notify_all()
                return
            generation = self._generation
            batch = self._close_batch()
            self._leader = given_up if batch else None
        if batch:
            self._run_batch(generation, batch)

    def check_room(self, interest: Interest) -> None:
        """Raise what `submit` would raise now, before anything dear is done for an item."""
        with self._changed:
            self._check_open()
            self._queue.check_room(interest)

    def expect(self, interest: Interest) -> Once:
        """Count an item that is still being made as ahead of those to be expected later; raise as `submit` does.

        It counts until what is returned is called, at least once: when it was submitted, or will not be.
        """
        with self._changed:
            self._check_open()
            self._queue.check_room(interest, coming=self._queue.coming)
            self._queue.coming += 1

        def came() -> None:
            with self._changed:
                self._queue.coming -= 1

        return Once(came)

    def _check_open(self) -> None:
        if self._closing:
            raise Unavailable
        if self._lost:
            raise Reopening

    @property
    def waiting(self) -> int:
        """How many rows wait, without those that run."""
        return len(self._queue.waiting)

    @property
    def healthy(self) -> bool:
        """False while the engine hangs or fails batch after batch, and after close()."""
        return self._health.good and not self._lost and not self._closing

    @property
    def busy(self) -> bool:
        """Whether a batch runs; who runs it looks for more when it has."""
        return self._taken

    def retry_after_s(self) -> float:
        """How long what is here now will take, by the measured drain rate."""
        with self._changed:
            return self._queue.retry_after_s()

    def busy_for_s(self) -> float:
        """How long somebody has been inside the engine; 0 when nobody is."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def replace_owner(self, reopen: Callable[[], Run[Item, Row]]) -> None:
        """Leave a thread that hangs to itself, fail its batch, and go on with a new thread and a new engine.

        The new thread calls `reopen` until it succeeds; what waits goes on waiting, until its deadlines.
        """
        error = InternalError(FAILED)
        with self._changed:
            hung, leader = self._queue.running, self._leader
            self._health.gone()
            self._start_owner(reopen)
        fail(hung, error)
        if leader is not None:
            leader(error)
        self._observer.engine_failed(self.name, "hung")
        self._health.tell("hangs and is opened anew")

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> bool:
        """Take nothing more; finish what waits, or fail it with Unavailable; end the thread.

        After `timeout_s` whatever is left is failed. Returns whether the engine is left alone: one that hangs must not
        be touched, nor the thread that hangs in it.
        """
        with self._changed:
            self._closing = True
            dropped = [] if drain else self._queue.take_all()
            self._changed.notify_all()
        fail(dropped, Unavailable())
        with self._changed:
            ended = self._changed.wait_for(lambda: self._ended, timeout_s)
            left, leader = [*self._queue.running, *self._queue.take_all()], self._leader
        fail(left, Unavailable())
        if leader is not None:
            leader(Unavailable())
        return ended

    def _start_owner(self, reopen: Callable[[], Run[Item, Row]] | None) -> None:
        """Begin a new generation: nobody is inside its engine yet."""
        self._generation += 1
        self._leave_engine()
        self._changed.notify_all()  # the owner of the old one, who may be asleep
        own = Thread(
            target=self._own, args=(self._generation, reopen), name=f"asksight-{self.name}", daemon=True
        )
        own.start()

    def _own(self, generation: int, reopen: Callable[[], Run[Item, Row]] | None) -> None:
        if reopen is None or self._open_anew(generation, reopen):
            self._work(generation)
        with self._changed:
            if self._generation == generation:
                self._ended = True
                self._changed.notify_all()

    def _work(self, generation: int) -> None:
        while (batch := self._next_batch(generation)) is not None:
            if batch:
                self._run_batch(generation, batch)
            elif not self._health.good and self._probe is not None:
                self._try(generation, self._probe, "still fails")

    def _open_anew(self, generation: int, reopen: Callable[[], Run[Item, Row]]) -> bool:
        def open_engine() -> None:
            run = reopen()
            with self._changed:
                if self._generation == generation:
                    self._run = run
                    self._lost = False
                    self.failed_reopenings = 0

        while not self._try(generation, open_engine, "cannot be opened anew"):
            with self._changed:
                self.failed_reopenings += self._lost
                self._changed.wait_for(
                    lambda: self._closing or self._generation != generation, self._probe_every_s
                )
                if self._closing or self._generation != generation:
                    return False
        return True

    def _next_batch(self, generation: int) -> list[Entry[Item, Row]] | None:
        """Sleep until there is a batch to run; none in it: a failing engine is to be tried; None: all is over."""
        with self._changed:
            while self._generation == generation:
                if not self._taken and self._queue.waiting:
                    return self._close_batch()
                if not self._taken and self._closing:
                    return None
                due = not self._changed.wait(None if self._health.good else self._probe_every_s)
                if due and not self._taken:
                    return []
            return None

    def _close_batch(self) -> list[Entry[Item, Row]]:
        batch = self._queue.close_batch()
        self._taken = bool(batch)
        self._busy_since_s = time.monotonic() if batch else None
        return batch

    def _leave_engine(self) -> None:
        self._queue.running = []
        self._taken = False
        self._leader = None
        self._busy_since_s = None

    def _run_batch(self, generation: int, batch: list[Entry[Item, Row]]) -> None:
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
        sent_away: list[Entry[Item, Row]] = []
        with self._changed:
            if self._generation != generation:
                return  # it hung; the batch was failed and this thread replaced
            if lost and self._reopen is not None:
                sent_away = self._lose(self._reopen)
            else:
                self._leave_engine()
                if self._queue.waiting or self._closing:  # else the owner may sleep on
                    self._changed.notify_all()
            if rows is not None:
                self._queue.rate.ran(len(batch), run_s)
        if sent_away:
            fail(sent_away, Reopening())
            self._observer.engine_failed(self.name, "lost")
            self._health.tell("was lost and is opened anew")
            return
        self._health.ran(failed=rows is None)
        if rows is None:
            fail(batch, InternalError(FAILED))
            with self._changed:
                self._changed.notify_all()  # the owner, which tries an engine that keeps failing
            return
        waited_s = [started_s - entry.since_s for entry in batch]
        self._observer.batch(self.name, rows=len(batch), run_s=run_s, waited_s=waited_s)
        for entry, row in zip(batch, rows, strict=True):
            entry.settle(row)

    def _lose(self, reopen: Callable[[], Run[Item, Row]]) -> list[Entry[Item, Row]]:
        """Have the engine opened anew by a new owner, which may take a while; return those to be sent away."""
        self._lost = True
        self._health.gone()
        sent_away = [*self._queue.running, *self._queue.take_all()]
        self._observer.queued(self.name, 0)
        self._start_owner(reopen)
        return sent_away

    def _try(self, generation: int, attempt: Callable[[], object], failure: str) -> bool:
        """Try the engine, or opening it, when nobody's batch is at stake."""
        self._busy_since_s = time.monotonic()
        failed = False
        try:
            attempt()
        except Exception:
            log.exception("The %s %s", self.name, failure)
            failed = True
        if self._generation == generation:
            self._busy_since_s = None
            self._health.ran(failed=failed)
        return not failed
