"""What is done the first time that it is asked for, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class Once:
    """Calls `call` when it is called first, and does nothing from then on. Thread-safe."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._called = Lock()  # held from then on

    def __call__(self) -> None:
        if self._called.acquire(blocking=False):
            self._call()
