"""The log on standard error: lines for people, or JSON for machines; never a photo, nor a question unasked."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


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
    to_stderr.setFormatter(
        JsonLines()
        if form == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    to_stderr.addFilter(_not_noise)
    logging.basicConfig(level=logging.INFO, handlers=[to_stderr], force=True)
    logging.captureWarnings(True)  # such as Pillow's about odd Exif: one line of the log, not two of stderr
    logging.getLogger("asksight.calls").setLevel(logging.INFO if calls else logging.WARNING)


def _not_noise(record: logging.LogRecord) -> bool:
    """Where two event loops use gRPC, one may find that the other has read their common socket; it says so, in vain."""
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == "asyncio" and isinstance(error, BlockingIOError))
