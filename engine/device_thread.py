"""The one thread that talks to a device: it holds the CUDA context, and all engines on the device run in it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

from .cuda_driver import Driver
from .errors import EngineError

T = TypeVar("T")


class DeviceThread:
    """Runs calls one after the other in its own thread, in which the driver is open. Thread-safe.

    `generation` grows when the context was lost and made anew: what was allocated before is gone then.
    """

    def __init__(self, driver: Driver) -> None:
        """Raises what opening the driver raises."""
        self.driver = driver
        self.generation = 0
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

    def lost(self) -> None:
        """Make the context anew; to be called in the device's thread, after a sticky error."""
        self.generation += 1
        self.driver.reset()

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
