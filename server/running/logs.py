"""The log on standard error, in lines for people or JSON for machines; no photos, questions only where asked for."""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from datetime import UTC, datetime
from types import TracebackType

from ..printable import printable_json
from .log_writer import LogWriter
from .repeated import Repeated

log = logging.getLogger(__name__)


class TextLines(logging.Formatter):
    """One line a record, with its time, for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._second = -1
        self._said = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """As logging does by itself; many lines are of one second."""
        second = int(record.created)
        if second != self._second:
            self._said = super().formatTime(record, "%Y-%m-%d %H:%M:%S")
            self._second = second
        return f"{self._said},{int(record.msecs):03d}"


class JsonLines(logging.Formatter):
    """One JSON object a line; the `fields` of a record's message stand beside it."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record.msg, "fields", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            said["stack"] = self.formatStack(record.stack_info)
        return printable_json(json.dumps(said, ensure_ascii=False, default=str))


def set_up_logs(form: str, *, calls: bool) -> LogWriter:
    """Log to standard error as "text" or "json"; with `calls`, one line each. What is logged never blocks."""
    writer = LogWriter()
    writer.addFilter(Repeated())
    writer.setFormatter(JsonLines() if form == "json" else TextLines())
    # Nothing that a line shows, and a fifth of its cost: where it was logged, and by which thread of which process.
    logging._srcfile = None  # as logging's own documentation advises
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
    logging.basicConfig(level=logging.INFO, handlers=[writer], force=True)
    logging.captureWarnings(True)  # one line of the log, not two of stderr
    # Pillow's are about odd photos, which nobody here can mend, and Python remembers each other one of them for ever.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("asksight.calls").setLevel(logging.INFO if calls else logging.WARNING)
    # What nobody catches is a line of the log too; Python itself would print it, plain, and wait for the reader.
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_a_thread
    return writer


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("The process ends by what nobody expected", exc_info=(kind, error, trace))


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    said = what.err_msg or "Exception ignored"
    error = what.exc_value or what.exc_type()
    log.error("%s", said, exc_info=(what.exc_type, error, what.exc_traceback))


def _uncaught_in_a_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_type is SystemExit:
        return
    name = "a thread" if what.thread is None else what.thread.name
    error = what.exc_value or what.exc_type()
    log.error("%s ended by what nobody expected", name, exc_info=(what.exc_type, error, what.exc_traceback))
