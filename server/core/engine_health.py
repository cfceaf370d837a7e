"""Whether an engine works, and who is told when that changes. Lives in the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..observer import Observer
from .batching import FailureStreak

log = logging.getLogger(__name__)


class EngineHealth:
    """The health of one engine; `on_change` is called when `good` has changed, not at each batch."""

    def __init__(self, name: str, observer: Observer, on_change: Callable[[], object] | None) -> None:
        self._name = name
        self._observer = observer
        self._on_change = on_change
        self._streak = FailureStreak()

    @property
    def good(self) -> bool:
        """False while it hangs or is lost, and after several failures until one success."""
        return self._streak.healthy

    def worked(self) -> None:
        """A batch, a trial or an opening succeeded."""
        before = self._streak.healthy
        self._streak.batch(failed=False)
        if not before:
            self._tell("works again")

    def failed(self) -> None:
        """One failed."""
        before = self._streak.healthy
        self._streak.batch(failed=True)
        self._observer.engine_failed(self._name, "error")
        if before and not self._streak.healthy:
            self._tell("keeps failing")

    def gone(self, kind: str) -> None:
        """It hangs or is lost: `kind` is "hung" or "lost"."""
        self._streak.hung()
        self._observer.engine_failed(self._name, kind)
        self._tell(f"is {kind} and is opened anew")

    def _tell(self, news: str) -> None:
        log.warning("The %s %s", self._name, news)
        try:
            if self._on_change is not None:
                self._on_change()
        except Exception:  # whoever listens must not keep an engine from being opened anew
            log.exception("Somebody who watches the %s failed", self._name)
