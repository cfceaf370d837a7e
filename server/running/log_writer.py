"""Log lines written by a thread of their own: whoever logs never waits for whoever reads."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import Final

MOST_WAITING = 10_000  # records; what comes beyond them is dropped and counted
AT_ONCE_BYTES = 4096  # PIPE_BUF: a pipe never mixes so much with what another process writes
CLOSE_WITHIN_S = 2.0  # for what waits when the process ends
LOOK_EVERY_S = 0.5  # in case a wake-up was missed

DROPPED: Final = "%d log lines were dropped: standard error was not read quickly enough."


class LogWriter(logging.Handler):
    """Takes records as they are; its thread makes lines of them and writes many at once. Thread-safe."""

    def __init__(self, descriptor: int = 2) -> None:
        """`descriptor` may block: only the thread waits for it."""
        super().__init__()
        self.dropped = 0  # records, since the start
        self._descriptor = descriptor
        self._waiting: deque[logging.LogRecord] = deque()
        self._told = 0
        self._closing = False
        self._wake = threading.Event()
        # A daemon: where nobody reads it never comes back from the system, and the process has to end all the same.
        self._thread = threading.Thread(target=self._run, name="asksight-log", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record without a lock: a deque's own methods are atomic."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return False
        self._waiting.append(record)
        if not self._wake.is_set():
            self._wake.set()
        return True

    def close(self) -> None:
        """Write what waits, for a bounded time; logging calls it when the process ends."""
        self._closing = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_WITHIN_S)
        super().close()

    def _run(self) -> None:
        while True:
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            closing = self._closing  # looked at first: what came before it is written
            self._write_all()
            if closing:
                return

    def _write_all(self) -> None:
        lines: list[bytes] = []
        size = 0
        while self._waiting:
            record = self._waiting.popleft()
            if not self.filter(record):
                continue
            line = self._line(record)
            if lines and size + len(line) > AT_ONCE_BYTES:
                self._write(b"".join(lines))
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        if lines:
            self._write(b"".join(lines))
        if (dropped := self.dropped) > self._told:
            said = logging.LogRecord(__name__, logging.WARNING, "", 0, DROPPED, (dropped - self._told,), None)
            self._told = dropped
            self._write(self._line(said))

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001  a record that cannot be told must not end the log
            record = logging.LogRecord(
                record.name, logging.ERROR, "", 0, "A log line cannot be told: %r", (error,), None
            )
            text = self.format(record)
        return text.encode("utf-8", "backslashreplace") + b"\n"

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody who shares it has set it so
                time.sleep(0.01)
            except OSError:  # the reader is gone, and nobody is left to be told
                return
