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
GRPC_LOGGER, LEFT = "grpc._cython.cygrpc", "ExecuteBatchError"  # whose caller left before its answer was sent
LOOP_LOGGERS = (
    "asyncio",
    "uvicorn.error",
)  # theirs tell of sockets, where a traceback shows nothing but the loop


@dataclass(slots=True)
class LastLogged:
    """One kind of line: when one was last logged, and how many were held back since."""

    since_s: float
    untold: int = 0


class Repeated(logging.Filter):
    """For a handler; lines below WARNING pass. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._last: dict[Kind, LastLogged] = {}

    @property
    def kinds(self) -> int:
        """How many kinds are remembered."""
        return len(self._last)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line is logged; it ends with how many of its kind were held back before it."""
        if record.levelno < logging.WARNING:
            return True
        _in_one_line(record)
        kind = _kind(record)
        now_s = self._clock()
        with self._lock:
            last = self._last.get(kind)
            if last is not None and now_s - last.since_s < EVERY_S:
                last.untold += 1
                return False
            if len(self._last) >= MOST_KINDS:
                self._last = {one: it for one, it in self._last.items() if now_s - it.since_s < EVERY_S}
            self._last[kind] = LastLogged(now_s)
        if last is not None and last.untold:
            record.msg, record.args = f"{record.getMessage()} ({last.untold} more like it before)", None
        return True


def _in_one_line(record: logging.LogRecord) -> None:
    """Make one line of what libraries say of sockets, of callers who have left, and of odd metadata."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name == GRPC_LOGGER and isinstance(error, UnicodeDecodeError):  # without a token's bytes
        record.msg, record.args = "A call's metadata holds bytes that are no UTF-8", None
        record.exc_info = record.exc_text = None
    left = record.name == GRPC_LOGGER and type(error).__name__ == LEFT
    if left or (record.name in LOOP_LOGGERS and isinstance(error, OSError)):
        record.msg, record.args = f"{_first_line(record.getMessage())}: {error}", None
        record.exc_info = record.exc_text = None


def _kind(record: logging.LogRecord) -> Kind:
    """What makes two lines alike: logger, level, first line without its arguments, and where the error was raised."""
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
