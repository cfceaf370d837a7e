"""The models of one server: opened by name, and read again when their bundles change or a person says so."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event, Lock, Thread

from ..assistant import OPENING_ERRORS, Assistant
from ..errors import ServerError
from ..metrics import Metrics
from .settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
OLD_ENDS_WITHIN_S = 120.0  # asks of the bundle that is replaced; no caller waits for longer

Stamp = tuple[tuple[str, int, int], ...]


class Models:
    """Assistants by the names they are served under, the default first. Thread-safe."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Open them all, warm at every batch size. Raises BundleError, EngineError and ServerError."""
        self.assistants: dict[str, Assistant] = {}
        self._metrics = metrics
        self._where: dict[str, Path] = {}
        self._stamps: dict[str, Stamp] = {}
        self._one_at_a_time = Lock()
        self._stopped = Event()
        try:
            for given in settings.model:
                self._open(given, settings)
        except BaseException:
            self.close()
            raise

    def _open(self, given: str, settings: Settings) -> None:
        name, _, where = given.rpartition("=")
        assistant = Assistant.open(
            where,
            engine=settings.engine,
            limits=settings.limits(),
            threads=settings.threads,
            warm_every_size=True,
            observer=self._metrics,
        )
        name = name or assistant.model().name
        if name in self.assistants:
            assistant.close()
            raise ServerError(f"Two models are called {name!r}; name one of them otherwise, as NAME=BUNDLE.")
        self.assistants[name] = assistant
        self._where[name] = assistant.path
        self._stamps[name] = _see(assistant.path)
        self._metrics.serves(name, assistant.model())
        assistant.on_health_change(
            lambda: self._metrics.serves(name, assistant.model())
        )  # another engine, perhaps

    def reload(self, names: list[str] | None = None) -> None:
        """Read bundles again, all of them or those named; one that is refused leaves the old one at work."""
        with self._one_at_a_time:
            for name in self.assistants if names is None else names:
                try:
                    self.assistants[name].reopen(timeout_s=OLD_ENDS_WITHIN_S)
                except OPENING_ERRORS as error:
                    log.error("The new bundle of %s is refused, the old one goes on: %s", name, error)
                    self._metrics.reloaded(name, ok=False)
                    continue
                model = self.assistants[name].model()
                log.info("%s is now %s %s", name, model.name, model.version)
                self._metrics.reloaded(name, ok=True)
                self._metrics.serves(name, model)

    def reload_in_background(self) -> None:
        """The same, in a thread of its own."""
        Thread(target=self.reload, name="asksight-reload", daemon=True).start()

    def watch(self) -> None:
        """Read a bundle again when its files have changed and lie still."""
        Thread(target=self._watch, name="asksight-bundles", daemon=True).start()

    def _watch(self) -> None:
        last = dict(self._stamps)
        while not self._stopped.wait(LOOK_EVERY_S):
            for name, where in self._where.items():
                stamp = _see(where)
                if stamp == last[name] and stamp != self._stamps[name]:
                    self._stamps[name] = stamp  # refused or not, it is not tried again until it changes
                    self.reload([name])
                last[name] = stamp

    @property
    def stuck(self) -> bool:
        """Whether one of them can only be helped by a new process."""
        return any(assistant.stuck for assistant in self.assistants.values())

    def close(self, *, timeout_s: float | None = None) -> None:
        """Close them all."""
        self._stopped.set()
        for assistant in self.assistants.values():
            assistant.close(timeout_s=timeout_s)


def _see(where: Path) -> Stamp:
    """What the bundle's files look like from outside; empty while there is no folder."""
    try:
        files = [(path.name, path.stat()) for path in sorted(where.iterdir()) if path.is_file()]
    except OSError:
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in files)
