"""How long a caller waits for an ask: until its deadline, or until it goes away.

Two kinds of eyes look at it: the asking thread, which sleeps in `wait_for` and is woken by whatever comes first,
and the engine's thread, which looks when it closes a batch and computes nothing for those who have left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Protocol, TypeAlias, TypeVar

from .errors import AskError, Cancelled, DeadlineExceeded
from .turns import Turn

T = TypeVar("T")

GivenUp: TypeAlias = Callable[
    [AskError], object
]  # told, by another thread, that the caller's hangs in an engine

ASK_EVERY_S = 0.05  # how often a plain function is asked whether its caller has gone


class Cancellation:
    """A switch that is thrown once, by any thread; whoever waits is woken. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thrown = False
        self._wake: list[Callable[[], object]] = []

    def __call__(self) -> bool:
        return self._thrown

    def cancel(self) -> None:
        """Throw the switch; a second time does nothing."""
        with self._lock:
            self._thrown = True
            wake, self._wake = self._wake, []
        for call in wake:
            call()

    def subscribe(self, call: Callable[[], object]) -> None:
        """Call `call` once when the switch is thrown; at once if it has been."""
        with self._lock:
            if not self._thrown:
                self._wake.append(call)
                return
        call()

    def unsubscribe(self, call: Callable[[], object]) -> None:
        """Forget `call`."""
        with self._lock:
            if call in self._wake:
                self._wake.remove(call)


class Interest(Protocol):
    """Whether anybody still wants a row; looked at when a batch closes."""

    def deadline_s(self) -> float | None:
        """The time, by the monotonic clock, after which nobody does; None for never."""

    def cancelled(self) -> bool: ...


class Leadable(Protocol):
    """An engine with a queue."""

    @property
    def busy(self) -> bool: ...

    def lead(self, given_up: GivenUp) -> None:
        """Run what waits in the calling thread, if the engine is idle."""


class Patience:
    """One caller's deadline (monotonic seconds, None for none) and cancellation. Thread-safe.

    A plain function may stand for the Cancellation; it is asked by the caller's own thread only, now and then. `turn`
    is what the caller's thread has, and lends while it waits. With `given_up` that thread may run idle engines itself.
    """

    def __init__(
        self,
        deadline_s: float | None = None,
        cancelled: Cancellation | Callable[[], bool] | None = None,
        *,
        turn: Turn | None = None,
        given_up: GivenUp | None = None,
    ) -> None:
        self._deadline_s = deadline_s
        self._turn = turn
        self._given_up = given_up
        self._switch = cancelled if isinstance(cancelled, Cancellation) else Cancellation()
        self._ask = None if isinstance(cancelled, Cancellation) else cancelled

    def deadline_s(self) -> float | None:
        return self._deadline_s

    def cancelled(self) -> bool:
        return self._switch()

    def remaining_s(self) -> float | None:
        """Seconds to the deadline, not below 0; None where there is no deadline."""
        return None if self._deadline_s is None else max(0.0, self._deadline_s - time.monotonic())

    def check(self) -> None:
        """Raise Cancelled or DeadlineExceeded if the caller waits no more."""
        if self._ask is not None and self._ask():
            self._switch.cancel()
        if self.cancelled():
            raise Cancelled
        if self.remaining_s() == 0.0:
            raise DeadlineExceeded

    def wait_for(self, future: Future[T], engine: Leadable | None = None) -> T:
        """Return the future's result, or raise its error, Cancelled or DeadlineExceeded: whatever comes first.

        Where an engine makes the result, and is idle, and the caller's thread may, that runs it.
        """
        if engine is not None and not future.done():
            self._lead(engine)
        if not future.done():
            self._sleep(future)
        if not future.done():
            raise Cancelled
        return future.result()

    @property
    def leads(self) -> bool:
        """Whether the caller's thread may run an engine."""
        return self._given_up is not None

    def _lead(self, engine: Leadable) -> None:
        given_up = self._given_up
        if given_up is None or engine.busy:
            return

        def left() -> None:
            given_up(Cancelled())

        self._switch.subscribe(left)
        try:
            with self.lent():
                engine.lead(given_up)
        finally:
            self._switch.unsubscribe(left)

    def lent(self) -> AbstractContextManager[None]:
        """Let other threads have the turn while the block runs, which needs none."""
        return nullcontext() if self._turn is None else self._turn.lent()

    def _sleep(self, future: Future[T]) -> None:
        turn = self._turn or Turn()  # one that nobody else wants
        with turn.lent_until_called() as place:
            future.add_done_callback(lambda _: place.call())
            self._switch.subscribe(place.call)
            try:
                while not place.sleep(self._nap_s()):
                    self.check()
            finally:
                self._switch.unsubscribe(place.call)

    def _nap_s(self) -> float | None:
        remaining_s = self.remaining_s()
        if self._ask is None:
            return remaining_s
        return ASK_EVERY_S if remaining_s is None else min(ASK_EVERY_S, remaining_s)


class Crowd:
    """Many callers who wait for one row: wanted as long as one of them is. Thread-safe."""

    def __init__(self, first: Patience) -> None:
        self._members: list[Patience] = [first]

    def join(self, patience: Patience) -> None:
        self._members.append(patience)

    def _staying(self) -> Sequence[Patience]:
        return [member for member in tuple(self._members) if not member.cancelled()]

    def deadline_s(self) -> float | None:
        deadlines = [member.deadline_s() for member in self._staying()]
        return None if None in deadlines else max((d for d in deadlines if d is not None), default=None)

    def cancelled(self) -> bool:
        return not self._staying()
