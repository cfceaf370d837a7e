"""One engine: the rows that wait for it and the worker that runs them in batches. Lives in the event loop, no locks.

The engine never waits while anything waits for it: idle, it takes what is there; busy, it lets the queue grow, so that
batches become large by themselves exactly when that helps. What runs and what is dropped is decided in batching.py.

    state   | a row comes  | the worker is done         | it raises       | EngineLostError | `hang_after_s` is over
    --------+--------------+----------------------------+-----------------+-----------------+-----------------------
    IDLE    | RUNNING      | -                          | -               | -               | -
    RUNNING | it waits     | IDLE, rows are given out   | IDLE, rows fail | LOST, all fail  | HUNG, its rows fail
    TRYING  | it waits     | IDLE, healthy              | IDLE            | LOST, all fail  | HUNG
    LOST    | Reopening    | IDLE, with another engine  | LOST, once more | LOST, once more | LOST, once more
    HUNG    | it waits     | IDLE, with another engine  | HUNG, once more | HUNG, once more | HUNG, once more
    CLOSED  | Unavailable  | -                          | -               | -               | -

TRYING: nobody asks, and the engine has failed several times in a row; a small batch of its own is inside it. In LOST
and HUNG the worker opens another engine. Each time that it hangs a thread and an engine are left behind; after
MOST_LEFT_BEHIND of them all is CLOSED, and only a new process helps. `close` leads to CLOSED from everywhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Generic

from asksight.engine import EngineLostError

from ..errors import AskError, InternalError, Reopening, Unavailable
from ..observer import Observer
from .batching import BatchLimits
from .engine_health import EngineHealth
from .row_queue import NEVER_S, Awaited, Item, Out, Row, RowQueue, fail, give_out
from .worker import EngineStage, Outcome, Worker

log = logging.getLogger(__name__)

FAILED = "The model failed on this ask. Ask again; the server's log says why."
MOST_LEFT_BEHIND = 3  # threads and engines that hang; each keeps its memory
MOST_FAILED_REOPENINGS = 5  # CUDA says that some errors end only with the process


class State(Enum):
    """See the table above."""

    IDLE = auto()
    RUNNING = auto()
    TRYING = auto()
    LOST = auto()
    HUNG = auto()
    CLOSED = auto()


class Batcher(Generic[Item, Out]):
    """Runs items through a stage in batches, one batch at a time."""

    def __init__(
        self,
        name: str,
        stage: EngineStage[Item, Out],
        *,
        loop: asyncio.AbstractEventLoop,
        limits: BatchLimits,
        hang_after_s: float = 30.0,
        reopen: Callable[[], EngineStage[Item, Out]] | None = None,
        on_health: Callable[[], object] | None = None,
        try_every_s: float = 1.0,
        observer: Observer | None = None,
    ) -> None:
        """`reopen` gives another stage, in the worker's thread; None: the same one is taken again.

        An engine that fails is tried, and one that cannot be opened is opened again, every `try_every_s` seconds.
        `on_health` is called, in the loop, when `healthy` may have changed.
        """
        self.name = name
        self.stage = stage
        self.state = State.IDLE
        self.failed_reopenings = 0  # of an engine that hangs or was lost; 0 once one succeeds
        self._loop = loop
        self._limits = limits
        self._hang_after_s = hang_after_s
        self._reopen = reopen or (lambda: stage)
        self._try_every_s = try_every_s
        self._observer = observer or Observer()
        self._health = EngineHealth(name, self._observer, on_health)
        self._queue: RowQueue[Item, Out] = RowQueue(name, limits, self._observer)
        self._running: list[Row[Item, Out]] = []
        self._worker = Worker(f"asksight-{name}", loop)
        self._job: object = None  # what the worker is at; an outcome of anything else comes too late
        self._timer: asyncio.TimerHandle | None = None  # ends when that takes too long
        self._due_s = 0.0  # when it should
        self._next_try: asyncio.TimerHandle | None = None
        self._pumping = False
        self._left_behind = 0
        self._closing = False
        self._emptied = asyncio.Event()
        self._shut_down = asyncio.Event()

    # What asks see.

    def submit(
        self, item: Item, deadline_s: float = NEVER_S, awaited_by: Awaited | None = None, caller: str = ""
    ) -> asyncio.Future[Out]:
        """Queue one item; the future gets its row, or the AskError that it failed with. Cancel it to leave.

        `awaited_by` are those who wait, where that is not this future alone; such an item was let in by `check_room`
        before it was made; `caller` is whose turn it takes. Raises what that raises.
        """
        if awaited_by is None:
            self.check_room(deadline_s)
        else:
            self._check_open()
        future: asyncio.Future[Out] = self._loop.create_future()
        self._queue.add(Row(item, future, awaited_by or {future: deadline_s}, caller))
        self._pump_soon()
        return future

    def check_room(self, deadline_s: float = NEVER_S, *, coming: int = 0) -> None:
        """Raise Overloaded where a new row would find no room or come too late, by the measured time a row; at once.

        `coming` more are being made and count as ahead of it. Raises Unavailable and Reopening too.
        """
        self._check_open()
        self._queue.check_room(deadline_s, running=len(self._running), coming=coming)

    def _check_open(self) -> None:
        if self._closing or self.state is State.CLOSED:
            raise Unavailable
        if self.state is State.LOST or self.stuck:
            raise Reopening

    def retry_after_s(self) -> float:
        """How long what is here now will take, by the measured drain rate."""
        return self._queue.rate.retry_after_s(len(self._queue) + len(self._running))

    @property
    def waiting(self) -> int:
        """How many rows wait, without those that run."""
        return len(self._queue)

    @property
    def healthy(self) -> bool:
        """False while the engine hangs, is lost or fails batch after batch, and after close()."""
        return self._health.good and not self._closing and self.state is not State.CLOSED

    @property
    def stuck(self) -> bool:
        """Whether only a new process helps."""
        return self._left_behind > MOST_LEFT_BEHIND or self.failed_reopenings >= MOST_FAILED_REOPENINGS

    # What runs, and what becomes of it.

    def _pump_soon(self) -> None:
        """Close a batch once all that this turn of the loop brings is here: what comes together runs together."""
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self.state is not State.IDLE:
            self._observer.queued(self.name, len(self._queue))
            return
        if len(self._queue) and (batch := self._queue.take(self._limits.max_batch)):
            self.state, self._running = State.RUNNING, batch
            self._give_to_worker(lambda: self._run([row.item for row in batch]), self._ran)
        elif self._closing:
            self._emptied.set()
        elif not self._health.good and self._next_try is None:
            self._next_try = self._loop.call_later(self._try_every_s, self._try)

    def _run(self, items: Sequence[Item]) -> tuple[Sequence[Out | AskError], float, float]:
        """In the worker's thread: the rows, when they began to be made, and how many seconds that took."""
        started_s = time.monotonic()
        rows = self.stage(items)
        if len(rows) != len(items):
            raise RuntimeError(f"{len(items)} rows went in, {len(rows)} came out")
        return rows, started_s, time.monotonic() - started_s

    def _give_to_worker(self, job: Callable[[], Any], done: Callable[[Outcome[Any]], object]) -> None:
        """Have the worker do it within `hang_after_s`; what it brings later is dropped."""
        this = self._job = object()
        self._watch_job()

        def in_time(outcome: Outcome[Any]) -> None:
            if this is self._job:
                self._forget_job()
                done(outcome)

        self._worker.run(job, in_time)

    def _watch_job(self) -> None:
        self._due_s = time.monotonic() + self._hang_after_s
        self._timer = self._loop.call_later(self._hang_after_s, self._hung)

    def _forget_job(self) -> None:
        self._job = None
        if self._timer is not None:
            self._timer.cancel()

    def _ran(self, outcome: Outcome[tuple[Sequence[Out | AskError], float, float]]) -> None:
        batch, self._running = self._running, []
        if outcome.value is None:
            self._failed(batch, outcome.error, f"failed on a batch of {len(batch)}")
            return
        rows, started_s, run_s = outcome.value
        self.state = State.IDLE
        self._queue.rate.ran(len(batch), run_s)
        give_out(batch, rows)
        self._pump_soon()
        waited_s = [started_s - row.since_s for row in batch]
        self._observer.batch(self.name, rows=len(batch), run_s=run_s, waited_s=waited_s)
        self._health.worked()

    def _failed(self, batch: Sequence[Row[Item, Out]], error: Exception | None, how: str) -> None:
        log.error("The %s %s", self.name, how, exc_info=error)
        if isinstance(error, EngineLostError):
            self.state = State.LOST
            fail(batch, Reopening())
            self._queue.fail_all(Reopening())  # opening another may take a while
            self._health.gone("lost")
            self._open_anew()
            return
        self.state = State.IDLE
        fail(batch, InternalError(FAILED))
        self._health.failed()
        self._pump_soon()

    # An engine that fails, hangs or was lost.

    def _try(self) -> None:
        self._next_try = None
        if self.state is State.IDLE and not self._health.good:
            self.state = State.TRYING
            self._give_to_worker(self.stage.probe, self._tried)

    def _tried(self, outcome: Outcome[object]) -> None:
        if outcome.error is not None:
            self._failed((), outcome.error, "still fails")
            return
        self.state = State.IDLE
        self._health.worked()
        self._pump_soon()

    def _hung(self) -> None:
        if time.monotonic() - self._due_s > self._hang_after_s / 10:
            self._watch_job()  # the whole process stood still, and the worker has not had its time
            return
        log.error("The %s has been busy for over %.1f s", self.name, self._hang_after_s)
        batch, self._running = self._running, []
        self._forget_job()
        self._left_behind += 1
        if self.state is not State.LOST:
            self.state = State.HUNG
        fail(batch, InternalError(FAILED))
        self._health.gone("hung")
        if self._left_behind > MOST_LEFT_BEHIND:
            log.critical("The %s hangs again and again; restart the process", self.name)
            self._shut()
            return
        self._worker.end()
        self._worker = Worker(f"asksight-{self.name}", self._loop)
        self._open_anew()

    def _open_anew(self) -> None:
        self._next_try = None
        if self._closing:  # no other engine is wanted
            self._emptied.set()
            return
        if self.state not in (State.LOST, State.HUNG):
            return
        lost = self.stage if self.state is State.LOST else None  # one that hangs must not be touched

        def reopened() -> EngineStage[Item, Out]:
            stage = self._reopen()
            if lost is not None and stage.engine is not lost.engine:
                lost.close()
            return stage

        self._give_to_worker(reopened, self._opened)

    def _opened(self, outcome: Outcome[EngineStage[Item, Out]]) -> None:
        if outcome.value is None:
            log.error("The %s cannot be opened anew", self.name, exc_info=outcome.error)
            self.failed_reopenings += 1
            self._health.failed()
            if self.stuck:
                self._queue.fail_all(Reopening())
            wait_s = 0.0 if self._closing else self._try_every_s
            self._next_try = self._loop.call_later(wait_s, self._open_anew)
            return
        self.stage, self.state, self.failed_reopenings = outcome.value, State.IDLE, 0
        self._health.worked()
        self._pump_soon()

    # The end.

    async def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Take nothing more; finish what waits, or fail it with Unavailable; give the engine's memory back.

        After `timeout_s` what is left is failed, and an engine that is still busy is left alone.
        """
        if self._closing:
            await self._shut_down.wait()
            return
        if self.state is State.CLOSED:
            return
        self._closing = True
        if not drain or self.state in (State.LOST, State.HUNG):
            self._queue.fail_all(Unavailable())
        if self.state in (State.LOST, State.HUNG) and self._job is None:  # between two tries to open another
            self._emptied.set()
        self._pump_soon()
        try:
            async with asyncio.timeout(timeout_s):
                # An engine that is being opened comes first, or nobody would close it.
                await self._emptied.wait()
                if self.state not in (State.HUNG, State.CLOSED):  # one that hangs must not be touched
                    await self._close_stage()
        except TimeoutError:
            log.warning("The %s does not end, and is left behind", self.name)
        finally:
            self._shut()
            self._shut_down.set()

    async def _close_stage(self) -> None:
        closed = asyncio.Event()
        self._worker.run(self.stage.close, lambda _: closed.set())
        await closed.wait()

    def _shut(self) -> None:
        self.state = State.CLOSED
        self._forget_job()
        if self._next_try is not None:
            self._next_try.cancel()
        fail(self._running, Unavailable())
        self._running = []
        self._queue.fail_all(Unavailable())
        self._emptied.set()
        self._worker.end()
