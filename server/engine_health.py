"""Whether an engine works, and who is told when that changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock

from .batching import FailureStreak
from .observer import Observer

log = logging.getLogger(__name__)


class EngineHealth:
    """Of one engine. Thread-safe; `on_change` is called by whoever brings the news, and must be quick."""

    def __init__(self, name: str, observer: Observer, on_change: Callable[[], object] | None) -> None:
        self._name = name
        self._observer = observer
        self._on_change = on_change
        self._lock = Lock()
        self._streak = FailureStreak()

    @property
    def good(self) -> bool:
        """False while it hangs or is lost, and after several failures until one success."""
        return self._streak.healthy

    def ran(self, *, failed: bool) -> None:
        """Take note of a batch, or of a trial."""
        with self._lock:
            before = self._streak.healthy
            self._streak.batch(failed=failed)
            changed = self._streak.healthy != before
        if failed:
            self._observer.engine_failed(self._name, "error")
        if changed:
            self.tell("keeps failing" if before else "works again")

    def gone(self) -> None:
        """Take note that it hangs or is lost; to be told once that can be said."""
        with self._lock:
            self._streak.hung()

    def tell(self, news: str) -> None:
        """Log it, and call `on_change`."""
        log.warning("The %s %s", self._name, news)
        if self._on_change is not None:
            self._on_change()
