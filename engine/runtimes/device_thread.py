"""The one thread that talks to a device: it holds the CUDA context, and all engines on the device run in it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

from ..errors import EngineError, EngineLostError
from .cuda_driver import Driver

T = TypeVar("T")


class Tenant(Protocol):
    """An engine that holds memory in the device's context."""

    def let_go(self) -> None:
        """Drop all that is allocated; called in the device's thread before the context goes."""
        ...


class DeviceThread:
    """Runs calls one after the other in its own thread, in which the driver is open. Thread-safe."""

    def __init__(self, driver: Driver) -> None:
        """Raises what opening the driver raises."""
        self.driver = driver
        self.tenants: WeakSet[Tenant] = WeakSet()  # changed in the device's thread alone
        self._lost = False
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = Thread(target=self._own, name="asksight-device", daemon=True)
        self._thread.start()
        try:
            self.call(driver.open)
        except BaseException:
            self._calls.put(None)
            raise

    def call(self, do: Callable[[], T]) -> T:
        """Run `do` in the device's thread; return or raise what it does."""
        if not self._thread.is_alive():
            raise EngineError("The device's thread has ended; open the engine again.")
        done: Future[T] = Future()
        self._calls.put((do, done))
        return done.result()

    def later(self, do: Callable[[], object]) -> None:
        """Queue `do` for the device's thread without waiting for it, since the thread may hang."""
        if self._thread.is_alive():
            self._calls.put((do, Future()))

    def lost(self) -> None:
        """In the device's thread: take note that the context is lost; `renew` makes it anew.

        All tenants let go at once: memory that one of them gave back later would by then be another's.
        """
        self._lost = True
        for tenant in list(self.tenants):
            tenant.let_go()

    def renew(self) -> None:
        """In the device's thread: make the context anew if it was lost. Raises EngineLostError where CUDA refuses."""
        if not self._lost:
            return
        try:
            self.driver.reset()
        except EngineError as error:
            raise EngineLostError(f"The CUDA context cannot be made anew: {error}") from error
        self._lost = False

    def close(self) -> None:
        """End the thread after what waits; the driver is closed in it."""
        if self._thread.is_alive():
            self.call(self.driver.close)
            self._calls.put(None)
            self._thread.join()

    def _own(self) -> None:
        while (taken := self._calls.get()) is not None:
            do, done = taken
            try:
                done.set_result(do())
            except BaseException as error:  # noqa: BLE001 - raised in the thread that asked
                done.set_exception(error)
