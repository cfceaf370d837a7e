"""Warnings and errors that repeat: the first of a kind in each second is logged, the others are counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

Kind = tuple[str, int, str, str]

EVERY_S = 1.0
MOST_KINDS = 256  # that are remembered; beyond them those that are over are forgotten
LOOP_LOGGERS = (
    "asyncio",
    "uvicorn.error",
)  # theirs tell of sockets, where a traceback shows nothing but the loop


@dataclass(slots=True)
class Seen:
    """One kind: when one was logged, and how many were not since."""

    since_s: float
    untold: int = 0


class Repeated(logging.Filter):
    """For a handler; lines below WARNING pass. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._seen: dict[Kind, Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether it is logged; how many of its kind were not stands at its end."""
        if record.levelno < logging.WARNING:
            return True
        _in_one_line(record)
        kind = _kind(record)
        now_s = self._clock()
        with self._lock:
            seen = self._seen.get(kind)
            if seen is not None and now_s - seen.since_s < EVERY_S:
                seen.untold += 1
                return False
            if len(self._seen) >= MOST_KINDS:
                self._seen = {one: it for one, it in self._seen.items() if now_s - it.since_s < EVERY_S}
            self._seen[kind] = Seen(now_s)
        if seen is not None and seen.untold:
            record.msg, record.args = f"{record.getMessage()} ({seen.untold} more like it before)", None
        return True


def _in_one_line(record: logging.LogRecord) -> None:
    """Make one line of what the loop's own libraries say of a socket: out of descriptors, reset, no TLS."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name in LOOP_LOGGERS and isinstance(error, OSError):
        record.msg, record.args = f"{_first_line(record.getMessage())}: {error}", None
        record.exc_info = record.exc_text = None


def _kind(record: logging.LogRecord) -> Kind:
    """The same place says the same, whatever it says it of."""
    error = record.exc_info[1] if record.exc_info else None
    where = type(error).__name__ if error is not None else ""
    trace = error.__traceback__ if error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        where += f":{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return record.name, record.levelno, _first_line(str(record.msg)), where


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
