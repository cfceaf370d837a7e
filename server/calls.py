"""One call of the service: its id, its log line, and what is told of it. Never its photo, nor its question unasked."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Iterable, Sequence

from .errors import AskError
from .observer import Observer

log = logging.getLogger("asksight.calls")

REQUEST_ID = "x-request-id"
PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def request_id(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Take the caller's own id, where it is a plain word, or make one."""
    for key, value in metadata:
        if key == REQUEST_ID and isinstance(value, str) and PLAIN.fullmatch(value):
            return value
    return f"{random.getrandbits(128):032x}"  # asking the system gives Python's lock away, and no secret is wanted


class Call:
    """Begun when it is made, ended once."""

    def __init__(self, method: str, request_id: str, observer: Observer) -> None:
        self.request_id = request_id
        self.caller = ""
        self.questions: Sequence[str] | None = None  # where the log is to hold them
        self._method = method
        self._observer = observer
        self._started_s = time.perf_counter()
        observer.call_started(method)

    def trailing(self) -> tuple[tuple[str, str | bytes], ...]:
        """What the caller gets back beside the answer."""
        return ((REQUEST_ID, self.request_id),)

    def end(self, failure: AskError | None = None) -> None:
        """Log the call and tell of it."""
        seconds = time.perf_counter() - self._started_s
        code = "OK" if failure is None else failure.code
        self._observer.call_ended(self._method, code, seconds, self.caller)
        if not log.isEnabledFor(logging.INFO):
            return
        said: dict[str, object] = {
            "request_id": self.request_id,
            "method": self._method,
            "code": code,
            "ms": round(1000 * seconds, 1),
            "caller": self.caller,
        }
        if self.questions is not None:
            said["questions"] = list(self.questions)
        log.info(
            "%s %s %.1f ms %s", self._method, code, 1000 * seconds, self.request_id, extra={"fields": said}
        )
