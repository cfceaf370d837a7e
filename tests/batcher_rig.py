"""A batcher with an engine whose every step is taken by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Event, Semaphore
from threading import enumerate as enumerate_threads
from typing import Any

from loop_rig import WAIT_S, move_on, soon, turns

from asksight.engine import EngineLostError
from asksight.server.core.batcher import Batcher, State
from asksight.server.core.batching import BatchLimits, FailureStreak
from asksight.server.errors import AskError, InternalError, Reopening
from asksight.server.observer import Observer, Reason

HANG_S, TRY_S = 1000.0, 500.0  # of a clock that is moved on by hand
IDLE, RUNNING, TRYING, LOST, HUNG, CLOSED = State


class Job:
    """One thing that the worker is at, until it is told how that ends."""

    def __init__(self, kind: str, items: Sequence[int] = ()) -> None:
        self.kind = kind  # "run", "probe" or "open"
        self.items = list(items)
        self._error: Exception | None = None
        self._over = Event()

    def end(self, error: Exception | None = None) -> None:
        self._error = error
        self._over.set()

    def wait(self) -> None:
        assert self._over.wait(2 * WAIT_S)
        if self._error is not None:
            raise self._error


class Doubler:
    """A stage in miniature."""

    def __init__(self, bench: Bench) -> None:
        self.engine: Any = self
        self.closed = False
        self._bench = bench

    def __call__(self, items: Sequence[int]) -> list[int | AskError]:
        self._bench.begin(Job("run", items))
        return [2 * item for item in items]

    def probe(self) -> None:
        self._bench.begin(Job("probe"))

    def close(self) -> None:
        self.closed = True


class Bench(Observer):
    """A batcher, what it told of, and the jobs that its worker was given."""

    def __init__(self, stage: type[Doubler] | None = None) -> None:
        self._stage = stage or Doubler
        self._thread_name = f"asksight-doubler-{id(self)}"
        self.news: list[str] = []
        self.dropped: list[tuple[Reason, int]] = []
        self.health: list[bool] = []
        self.stages = [self._stage(self)]
        self.jobs: list[Job] = []
        self._came = Semaphore(0)
        self._seen = 0
        self._free = False
        self.batcher = Batcher[int, int](
            self._thread_name.removeprefix("asksight-"),
            self.stages[0],
            loop=asyncio.get_running_loop(),
            limits=BatchLimits(max_batch=4, queue_capacity=6),
            hang_after_s=HANG_S,
            reopen=self._reopen,
            on_health=lambda: self.health.append(self.batcher.healthy),
            try_every_s=TRY_S,
            observer=self,
        )

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        self.dropped.append((reason, count))

    def batch(self, stage: str, *, rows: int, run_s: float, waited_s: Sequence[float]) -> None:
        self.news.append("batch")

    def engine_failed(self, stage: str, kind: str) -> None:
        self.news.append(kind)

    def begin(self, job: Job) -> None:
        self.jobs.append(job)
        if self._free:
            job.end()
        self._came.release()
        job.wait()

    def _reopen(self) -> Doubler:
        self.begin(Job("open"))
        self.stages.append(self._stage(self))
        return self.stages[-1]

    async def next_job(self, kind: str) -> Job:
        """The next that the worker is at."""
        assert await asyncio.to_thread(self._came.acquire, timeout=WAIT_S)
        job = self.jobs[self._seen]
        self._seen += 1
        assert job.kind == kind
        return job

    async def reach(self, state: State) -> Job | None:
        """Bring the batcher into a state; gives what the worker is at."""
        if state is IDLE:
            return None
        if state is CLOSED:
            await self.batcher.close()
            return None
        row = self.batcher.submit(0)
        row.add_done_callback(
            lambda row: row.exception()
        )  # or asyncio would be noisy where no test looks at it
        job = await self.next_job("run")
        if state is RUNNING:
            return job
        if state is TRYING:
            for left in reversed(range(FailureStreak.TOO_MANY)):
                job.end(RuntimeError("broken"))
                assert isinstance(await failure(row), InternalError)
                if left:
                    row = self.batcher.submit(0)
                    job = await self.next_job("run")
            await turns()
            move_on(TRY_S)
            return await self.next_job("probe")
        if state is LOST:
            job.end(EngineLostError("gone"))
            assert isinstance(await failure(row), Reopening)
        else:
            move_on(HANG_S)
            assert isinstance(await failure(row), InternalError)
        return await self.next_job("open")

    async def meets(self, event: str, job: Job | None) -> None:
        """Let it happen, and the batcher hear of it."""
        before = len(self.news) + len(self.health)
        if event == "hangs":
            move_on(HANG_S)
        else:
            assert job is not None
            job.end({"done": None, "raises": RuntimeError("broken"), "lost": EngineLostError("gone")}[event])
        await soon(lambda: len(self.news) + len(self.health) > before)
        await turns()

    def let_go(self) -> None:
        """Let everybody out who is inside an engine, and who comes in later."""
        self._free = True
        for job in self.jobs:
            job.end()

    async def workers(self, count: int) -> None:
        """Wait until there are so many, and what the others brought was heard, or dropped."""
        await soon(lambda: sum(one.name == self._thread_name for one in enumerate_threads()) == count)
        await turns()


async def failure(row: asyncio.Future[int]) -> BaseException | None:
    await asyncio.wait([row], timeout=WAIT_S)
    return row.exception()
