"""Values in a Redis, by key: looked for within a time limit, written when there is time, left alone while it fails.

Lives in the event loop: no locks. A look that comes too late is not cancelled, so that no connection is cut in the
middle of an answer; so many may be under way, and no more. Whatever happens to the Redis, nothing is raised.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ..observer import Observer, SecondUse, SecondWrite
from .address import shown
from .breaker import Breaker

if TYPE_CHECKING:
    from redis.asyncio import Redis

INSTALL = "In a copy of AskSight's repository, run: pip install -e '.[redis]'"
PROBE = "asksight:probe"
LOOKS = 64  # under way at once, those that are too late included; beyond it: not looked
WRITES = 4  # under way at once
WAITING_BYTES = 32 * 2**20  # of values that are to be written; beyond it: dropped
TRIAL_WITHIN_S = 1.0  # also for a look that is late, a write, and to connect
LAST_WRITES_WITHIN_S = 1.0
SMALL_BYTES = 64 * 1024  # are packed in 0.1 ms: less than the way to a thread
ROUND_TRIPS = 9

Value = TypeVar("Value")

log = logging.getLogger(__name__)


class RedisValues:
    """One Redis. `find` and `keep` are for the event loop, `start` and `close` are awaited in it."""

    def __init__(self, url: str, *, within_s: float, keep_s: float, observer: Observer) -> None:
        """`within_s` is how long a look may take, `keep_s` how long what was written is there. Needs the extra."""
        self.where = shown(url)
        self._within_s = within_s
        self._keep_ms = round(keep_s * 1000)
        self._observer = observer
        self._client, self._failures = _client(url)
        self._breaker = Breaker()
        self._thread = ThreadPoolExecutor(1, "asksight-second-cache")
        self._looks: set[asyncio.Task[Any]] = set()
        self._waiting_bytes = 0
        self._cannot_write = False
        self._writing: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(WRITES)
        self._coming_back: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Try it, and say what is wrong with it where something is."""
        error = await self._trial()
        if error is None:
            self._observer.second_up(True)
        else:
            self._breaker.open()
            self._gave_up(error)

    @property
    def usable(self) -> bool:
        """Whether a look may be worth its time."""
        return self._breaker.closed and not self._closed

    async def find(self, key: str, most_bytes: int, read: Callable[[bytes], Value]) -> Value | None:
        """Look for a value, and read it; None where there is none in time. `read` raises ValueError on a wrong one."""
        if not self.usable or len(self._looks) >= LOOKS:
            self._observer.second_looked(SecondUse.SKIPPED, 0.0)
            return None
        started_s = time.perf_counter()
        look = asyncio.create_task(self._look(key, most_bytes, read))
        self._looks.add(look)
        look.add_done_callback(self._look_ended)
        await asyncio.wait({look}, timeout=self._within_s)
        use, found = SecondUse.LATE, None
        error: BaseException | None = TimeoutError(f"nothing came within {self._within_s * 1000:.0f} ms")
        if look.done() and not look.cancelled():
            error = look.exception()
            found = look.result() if error is None else None
            use = SecondUse.MISS if found is None else SecondUse.HIT
            if error is not None:
                use = _use_of(error)
        self._observer.second_looked(use, time.perf_counter() - started_s)
        self._tell(None if use is SecondUse.INVALID else error)
        return found

    def keep(self, key: str, size_bytes: int, write: Callable[[], bytes]) -> None:
        """Have a value of about that size written when there is time; nobody waits for it."""
        if not self.usable or self._waiting_bytes + size_bytes > WAITING_BYTES:
            self._observer.second_written(SecondWrite.DROPPED)
            return
        self._waiting_bytes += size_bytes
        task = asyncio.create_task(self._write(key, size_bytes, write))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def look_s(self, value: bytes, read: Callable[[bytes], object]) -> float | None:
        """How long it takes to look for such a value and to read it, the median of a few; None where it cannot."""
        taken = []
        try:
            async with asyncio.timeout(TRIAL_WITHIN_S):
                await self._client.set(PROBE, value, px=10_000)
                for _ in range(ROUND_TRIPS):
                    started_s = time.perf_counter()
                    await self._look(PROBE, len(value), read)
                    taken.append(time.perf_counter() - started_s)
        except self._failures as error:
            log.warning("A look into the Redis at %s was not timed: %s", self.where, _said(error))
            return None
        return statistics.median(taken)

    async def close(self) -> None:
        """Write what waits, for a second at most, and hang up."""
        self._closed = True
        if self._writing:
            await asyncio.wait(self._writing, timeout=LAST_WRITES_WITHIN_S)
        left = [*self._writing, *self._looks, *([self._coming_back] if self._coming_back else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        with suppress(*self._failures):  # it may have hung up first
            async with asyncio.timeout(LAST_WRITES_WITHIN_S):
                await self._client.aclose()
        self._thread.shutdown(wait=False)

    async def _look(self, key: str, most_bytes: int, read: Callable[[bytes], Value]) -> Value | None:
        async with asyncio.timeout(TRIAL_WITHIN_S):
            # One more byte than there may be: what is larger is seen to be, and no more of it is fetched.
            value = await self._client.getrange(key, 0, most_bytes)
        if not value:
            return None
        assert isinstance(value, bytes)
        return await self._in_thread(len(value), lambda: read(value))

    def _look_ended(self, look: asyncio.Task[Any]) -> None:
        self._looks.discard(look)
        if not look.cancelled():
            look.exception()  # one that was too late is nobody's

    async def _write(self, key: str, size_bytes: int, write: Callable[[], bytes]) -> None:
        try:
            async with self._turns:
                if not self._breaker.closed:
                    self._observer.second_written(SecondWrite.DROPPED)
                    return
                value = await self._in_thread(size_bytes, write)
                async with asyncio.timeout(TRIAL_WITHIN_S):
                    await self._client.set(key, value, px=self._keep_ms)
            self._wrote(SecondWrite.STORED, None)
        except self._failures as error:
            self._wrote(SecondWrite.FAILED, error)
        finally:
            self._waiting_bytes -= size_bytes

    def _wrote(self, result: SecondWrite, error: BaseException | None) -> None:
        self._observer.second_written(result)
        refused = error is not None and _use_of(error) in (SecondUse.REFUSED, SecondUse.INVALID)
        if refused and not self._cannot_write:
            log.warning("The Redis at %s does not take what is written: %s", self.where, _said(error))
        self._cannot_write = refused
        self._tell(None if refused else error)  # one that is full, or a copy of another, can still be read

    async def _in_thread(self, size_bytes: int, do: Callable[[], Value]) -> Value:
        if size_bytes <= SMALL_BYTES:
            return do()
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)

    def _tell(self, error: BaseException | None) -> None:
        """Tell the breaker of one outcome."""
        if error is None:
            self._breaker.worked()
        elif self._breaker.failed():
            self._gave_up(error)

    def _gave_up(self, error: BaseException) -> None:
        self._observer.second_up(False)
        log.warning("The Redis at %s is left alone, and asks go on without it: %s", self.where, _said(error))
        if self._coming_back is None and not self._closed:
            self._coming_back = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        """Try it now and then until it works; no ask pays for that."""
        while not self._breaker.closed:
            await asyncio.sleep(self._breaker.next_trial_s())
            if await self._trial() is None:
                self._breaker.close()
        self._coming_back = None
        self._observer.second_up(True)
        log.info("The Redis at %s is asked again", self.where)

    async def _trial(self) -> BaseException | None:
        """Look as asks do; what went wrong, None where nothing did."""
        try:
            async with asyncio.timeout(TRIAL_WITHIN_S):
                await self._client.getrange(PROBE, 0, 0)
        except self._failures as error:
            self._observer.second_looked(_use_of(error), 0.0)
            return error
        return None


async def try_once(url: str) -> str | None:
    """Look into it once; what is wrong with it, None where nothing is. Needs the extra."""
    client, failures = _client(url)
    try:
        async with asyncio.timeout(2 * TRIAL_WITHIN_S):
            await client.getrange(PROBE, 0, 0)
    except failures as error:
        return f"the Redis at {shown(url)} cannot be asked: {_said(error)}"
    finally:
        await client.aclose()
    return None


def _client(url: str) -> tuple[Redis, tuple[type[Exception], ...]]:
    """A client, and what it raises where the other end is gone, slow, or no Redis."""
    from redis import RedisError
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    client = Redis.from_url(
        url,
        max_connections=LOOKS + WRITES + 2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=TRIAL_WITHIN_S,
        socket_connect_timeout=TRIAL_WITHIN_S,
        protocol=2,
    )
    return client, (RedisError, OSError, ValueError)


def _use_of(error: BaseException) -> SecondUse:
    from redis import exceptions

    if isinstance(error, ValueError) or str(error).startswith("WRONGTYPE"):
        return SecondUse.INVALID
    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return SecondUse.LATE
    refusals = exceptions.AuthenticationError | exceptions.AuthorizationError | exceptions.ResponseError
    return SecondUse.REFUSED if isinstance(error, refusals) else SecondUse.UNREACHABLE


def _said(error: BaseException | None) -> str:
    """A failure in a line, without a dot at its end; Redis' own texts hold no password."""
    return " ".join(str(error).split()).rstrip(".") or f"nothing came within {TRIAL_WITHIN_S:.0f} s"
