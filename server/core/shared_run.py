"""What is made of one photo for all who ask meanwhile: who waits, until when, and what all of them get.

Who leaves last cancels it. Lives in the event loop: no locks.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Generic, TypeVar

from ..errors import AskError, InternalError

Made = TypeVar("Made")

log = logging.getLogger(__name__)


class SharedRun(Generic[Made]):
    """A run, and who waits for it."""

    def __init__(self) -> None:
        self.awaited_by: dict[asyncio.Future[Made], float] = {}  # until when each of them waits
        self.row: asyncio.Future[Any] | None = None  # once it is with an engine
        self.task: asyncio.Task[Made] | None = None

    async def result(self, deadline_s: float) -> Made:
        """Wait for it, together with others; who leaves last cancels it. Raises AskError."""
        waiter: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self.awaited_by[waiter] = deadline_s
        try:
            return await waiter
        finally:
            del self.awaited_by[waiter]
            if not self.awaited_by and self.task is not None:
                self.task.cancel()

    @property
    def given_up(self) -> bool:
        """Whether it ends with nothing made, because nobody waited or all came too late: not to be joined."""
        if self.task is not None and self.task.cancelling():  # even where its row has just been made
            return True
        if self.row is not None and self.row.done():
            return self.row.cancelled() or self.row.exception() is not None
        return self.task is not None and self.task.done()

    def give_out(self) -> Made | None:
        """Give what its task made, or what went wrong, to all who wait; return what was made."""
        assert self.task is not None
        task = self.task
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, AskError):
            log.error("A photo failed unexpectedly", exc_info=error)
            error = InternalError()
        made = None if task.cancelled() or error is not None else task.result()
        for waiter in self.awaited_by:
            if waiter.done():
                continue
            if made is not None:
                waiter.set_result(made)
            elif error is not None:
                waiter.set_exception(error)
        return made
