"""The log on standard error: lines for people, or JSON for machines; never a photo, nor a question unasked."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


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
    """One JSON object a line; a record's `fields` stand beside its message."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def set_up_logs(form: str, *, calls: bool) -> None:
    """Log to standard error as "text" or "json"; with `calls`, one line each."""
    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(JsonLines() if form == "json" else TextLines())
    # Nothing that a line shows, and a fifth of its cost: where it was logged, and by which thread of which process.
    logging._srcfile = None  # as logging's own documentation advises
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[to_stderr], force=True)
    logging.captureWarnings(True)  # such as Pillow's about odd Exif: one line of the log, not two of stderr
    logging.getLogger("asksight.calls").setLevel(logging.INFO if calls else logging.WARNING)
