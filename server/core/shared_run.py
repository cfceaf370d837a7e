"""What is made of a photo: remembered, shared with all who ask meanwhile, or begun now; who leaves last cancels it.

The same walk for everything that is made of photos, features and text. Lives in the event loop: no locks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from asksight.photos.header import PhotoHeader
from asksight.photos.limits import PhotoLimits

from ..asks import Ask
from ..errors import AskError, ImageNotFound, InternalError
from ..observer import CacheUse
from .cache import Kept, PhotoCache
from .decoders import Decoders
from .image_ids import identify

Made = TypeVar("Made")

log = logging.getLogger(__name__)


class SharedRun(Generic[Made]):
    """A run, and who waits for it."""

    def __init__(self) -> None:
        self.awaited_by: dict[asyncio.Future[Made], float] = {}  # until when each of them waits
        self.row: asyncio.Future[Any] | None = None  # once it is with an engine
        self.task: asyncio.Task[Made] | None = None
        self.decode_us = 0  # decoding the photo took, waiting for a decoder included

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


class Had(NamedTuple, Generic[Made]):
    """What one ask has of its photo."""

    image_id: str
    made: Made
    decode_us: int
    make_us: int  # 0 where it was remembered
    cached: bool  # this ask needed no run of its own


# Make one photo's thing, by its image_id; the run is to be given its decode_us and its row.
Make = Callable[[SharedRun[Made], str, bytes | memoryview, PhotoHeader], Coroutine[Any, Any, Made]]


class Second(Protocol[Kept]):
    """What other servers have made, perhaps: looked for before a run begins. Raises nothing."""

    async def find(self, image_id: str) -> Kept | None:
        """Look for a photo's, within its time limit; at once where it is left alone."""

    def keep(self, image_id: str, made: Kept) -> None:
        """Give it to others, when there is time."""


class SharedRuns(Generic[Kept]):
    """One kind of thing that is made of photos: what is remembered, and the runs that are under way."""

    def __init__(
        self,
        capacity_bytes: int,
        decoders: Decoders,
        limits: PhotoLimits,
        used: Callable[[CacheUse], object],
        changed: Callable[[], object] = lambda: None,
        *,
        whole: Callable[[Kept], bool] = lambda _: True,
        second: Second[Kept] | None = None,
    ) -> None:
        """`used` is told of every ask, `changed` whenever something was remembered, which only what is `whole` is."""
        self.cache: PhotoCache[Kept] = PhotoCache(capacity_bytes)
        self.in_flight: dict[str, SharedRun[Kept]] = {}
        self._decoders = decoders
        self._limits = limits
        self._used = used
        self._changed = changed
        self._whole = whole
        self._second = second
        self._looks: dict[str, asyncio.Task[Kept | None]] = {}  # into `second`

    async def have(
        self,
        ask: Ask,
        make: Make[Kept],
        *,
        check_room: Callable[[int], object],
        joined: Callable[[], object] = lambda: None,
    ) -> Had[Kept]:
        """Find what is made of the ask's photo, join a run, or begin one. Raises AskError.

        `check_room` is given how many runs are not with an engine yet, and refuses the run that would begin; `joined`
        is called where there is one already.
        """
        started_s = time.perf_counter()
        image_id, header = await identify(ask, self._decoders, self._limits)
        decode_us = since_us(started_s)
        made = self.cache.find(image_id)
        if made is None and self._second is not None and image_id not in self.in_flight:
            made = await self._look(self._second, image_id)
            if made is not None:
                self._used(CacheUse.SECOND)
                return Had(image_id, made, decode_us, max(0, since_us(started_s) - decode_us), True)
            made = self.cache.find(image_id)  # meanwhile a run may have ended
        if made is not None:
            self._used(CacheUse.HIT)
            return Had(image_id, made, decode_us, 0, True)
        run = self.in_flight.get(image_id)
        own = run is None or run.given_up
        if run is None or own:
            self._used(CacheUse.MISS)
            if ask.photo is None or header is None:  # known by something else perhaps, but not by this
                raise ImageNotFound(image_id)
            check_room(sum(one.row is None for one in self.in_flight.values()))
            run = self.in_flight[image_id] = SharedRun()
            run.task = asyncio.create_task(make(run, image_id, ask.photo, header))
            run.task.add_done_callback(partial(self._end, run, image_id))
        else:
            self._used(CacheUse.SHARED)
            joined()
        made = await run.result(ask.until_s)
        if own:
            decode_us += run.decode_us
        return Had(image_id, made, decode_us, max(0, since_us(started_s) - decode_us), not own)

    async def _look(self, second: Second[Kept], image_id: str) -> Kept | None:
        """Look there once for all who ask; who leaves does not end it, for it ends soon."""
        look = self._looks.get(image_id)
        if look is None:
            look = self._looks[image_id] = asyncio.create_task(second.find(image_id))
            look.add_done_callback(partial(self._looked, image_id))
        return await asyncio.shield(look)

    def _looked(self, image_id: str, look: asyncio.Task[Kept | None]) -> None:
        del self._looks[image_id]
        if not look.cancelled() and look.exception() is None and (found := look.result()) is not None:
            self._remember(image_id, found)

    def _end(self, run: SharedRun[Kept], image_id: str, _: asyncio.Task[Kept]) -> None:
        """Remember what was made, and give it, or what went wrong, to all who wait."""
        if self.in_flight.get(image_id) is run:
            del self.in_flight[image_id]
        made = run.give_out()
        if made is not None and self._whole(made):
            self._remember(image_id, made)
            if self._second is not None:
                self._second.keep(image_id, made)

    def _remember(self, image_id: str, made: Kept) -> None:
        self.cache.remember(image_id, made)
        self._changed()


def since_us(started_s: float) -> int:
    """Microseconds since a time of perf_counter."""
    return round((time.perf_counter() - started_s) * 1e6)
