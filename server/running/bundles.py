"""The bundles of one server: opened by name, and read again when their files change or a person says so."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

from ..local import OPENING_ERRORS, LocalAssistant
from ..watched_files import WatchedFiles
from .checks import second_cache
from .metrics import Metrics
from .settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
OLD_ENDS_WITHIN_S = 120.0  # asks of the bundle that is replaced; no caller waits for longer


class Bundles:
    """Opens bundles for an assistant. Thread-safe; opening is done in the calling thread."""

    def __init__(self, settings: Settings, local: LocalAssistant, metrics: Metrics) -> None:
        """Open them all. Raises BundleError, EngineError and ServerError."""
        self._local = local
        self._metrics = metrics
        self._where: dict[str, Path] = {}
        self._watched: dict[str, WatchedFiles] = {}
        self._one_at_a_time = Lock()
        self._stopped = Event()
        second = second_cache(settings, metrics)
        if second is not None:
            local.share_features(second)
        for given in settings.model:
            name, _, where = given.rpartition("=")
            name = local.add(where, name=name, engine=settings.engine, threads=settings.threads)
            self._where[name] = local.path(name)
            self._watched[name] = WatchedFiles(partial(_files, self._where[name]), until_still=True)
        if settings.reader:
            first = next(iter(self._where.values()), None)
            local.add_reader(engine=settings.engine, threads=settings.threads, root=first)
        self._say_what_is_served()
        local.assistant.health_listeners.append(self._say_what_is_served)  # by another engine, perhaps

    def reload(self, names: list[str] | None = None) -> None:
        """Read bundles again, all of them or those named; one that is refused leaves the old one at work."""
        with self._one_at_a_time:
            for name in self._where if names is None else names:
                try:
                    self._local.reopen(name, timeout_s=OLD_ENDS_WITHIN_S)
                except OPENING_ERRORS as error:
                    log.error("The new bundle of %s is refused, the old one goes on: %s", name, error)
                    self._metrics.reloaded(name, ok=False)
                    continue
                model = self._local.model(name)
                log.info("%s is now %s %s", name, model.name, model.version)
                self._metrics.reloaded(name, ok=True)

    def reload_in_background(self) -> None:
        """The same, in a thread of its own."""
        Thread(target=self.reload, name="asksight-reload", daemon=True).start()

    def watch(self) -> None:
        """Read a bundle again when its files have changed and lie still."""
        Thread(target=self._watch, name="asksight-bundles", daemon=True).start()

    def stop_watching(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            for name, files in self._watched.items():
                if files.changed():
                    self.reload([name])  # refused or not, it is not tried again until it changes

    def _say_what_is_served(self) -> None:
        for name in self._where:
            self._metrics.serves(name, self._local.model(name))


def _files(where: Path) -> list[Path]:
    """The bundle's files; none while there is no folder."""
    try:
        return sorted(path for path in where.iterdir() if path.is_file())
    except OSError:
        return []
