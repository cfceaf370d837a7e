"""One thread that computes for the event loop, one job after the other, and decides nothing.

A call into native code cannot be ended from outside. A worker that hangs is left to itself: `end` it, take another, and
drop what it brings if it ever comes back.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

from asksight.engine import Engine

from ..errors import AskError

T = TypeVar("T")
Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a job returned, or what it raised."""

    value: T | None
    error: Exception | None = None


class Worker:
    """Its methods are called in the loop, and so is what is done with an outcome."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, since one that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, job: Callable[[], T], done: Callable[[Outcome[T]], object]) -> None:
        """Do `job` in the thread after those before it, then call `done` in the loop, which is woken once."""

        def work() -> None:
            try:
                outcome = Outcome(job())
            except Exception as error:  # noqa: BLE001 - it is raised, or told, where it is waited for
                outcome = Outcome(None, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits for what comes so late
                self._loop.call_soon_threadsafe(done, outcome)

        self._jobs.put(work)

    def end(self) -> None:
        """Let the thread end once it has done what was given to it, if it ever does."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or what it holds would live until the next one comes


class EngineStage(Protocol[Taken, Given]):
    """An engine and what is done around it, all of it in the worker's thread."""

    @property
    def engine(self) -> Engine:
        """What runs; an engine that was given, not opened, is the next stage's too."""
        ...

    def __call__(self, items: Sequence[Taken], /) -> Sequence[Given | AskError]:
        """Give a row for each item, or an AskError for one that failed alone. Raises what the engine raises."""
        ...

    def probe(self) -> object:
        """Run a small batch of its own, to see whether that works."""
        ...

    def close(self) -> None:
        """Give the engine's memory back."""
        ...
