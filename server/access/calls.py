"""One call, by whichever face it comes: who calls, may it come in, and what is told of it in the end.

Its photo is never logged, and its question only where that was asked for. Lives in the event loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType

from ..asks import expired
from ..core.admission import Admission
from ..errors import AskError, Cancelled, DeadlineExceeded, InternalError
from ..observer import Observer
from ..printable import printable_json
from .authentication import Authentication, Metadata, Peer
from .callers import Caller, Callers

log = logging.getLogger("asksight.calls")
failures = logging.getLogger(__name__)

REQUEST_ID = "x-request-id"
PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(slots=True)
class CallEnded:
    """What the log says of a call. The log's own thread makes a line of it: here it takes time from all callers."""

    method: str
    code: str
    took_ms: float
    request_id: str
    caller: str  # its name, or ""
    questions: Sequence[str] | None  # None: they are not to be logged

    def __str__(self) -> str:
        """Give it for people; names and questions are quoted, so that no control character gets through."""
        said = f"{self.method} {self.code} {self.took_ms:.1f} ms {self.request_id}"
        if self.caller:
            said += f" caller={_quoted(self.caller)}"
        if self.questions is not None:
            said += f" questions={_quoted(list(self.questions))}"
        return said

    @property
    def fields(self) -> dict[str, object]:
        """Give it for machines."""
        said: dict[str, object] = {
            "request_id": self.request_id,
            "method": self.method,
            "code": self.code,
            "ms": round(self.took_ms, 1),
            "caller": self.caller,
        }
        if self.questions is not None:
            said["questions"] = list(self.questions)
        return said


class Desk:
    """Where every call comes in and goes out: its caller, its place, its log line and its metrics."""

    def __init__(
        self,
        admission: Admission,
        *,
        authentication: Authentication | None = None,
        callers: Callers | None = None,
        observer: Observer | None = None,
        log_questions: bool = False,
    ) -> None:
        self.admission = admission
        self.authentication = authentication or Authentication()
        self.callers = callers or Callers(None)
        self.observer = observer or Observer()
        self.log_questions = log_questions

    def call(self, method: str, metadata: Metadata, peer: Peer, deadline_s: float | None = None) -> Call:
        """Begin a call, whose caller waits until `deadline_s` by the monotonic clock; `with` it, it is let in."""
        return Call(self, method, metadata, peer, deadline_s)


class Call:
    """`with` it: raises AskError where it is not let in, and in the place of what goes wrong unexpectedly."""

    __slots__ = (
        "_caller",
        "_desk",
        "_metadata",
        "_method",
        "_peer",
        "_started_s",
        "deadline_s",
        "questions",
        "request_id",
    )

    def __init__(
        self, desk: Desk, method: str, metadata: Metadata, peer: Peer, deadline_s: float | None
    ) -> None:
        self.request_id = _request_id(metadata)
        self.deadline_s = deadline_s
        self.questions: Sequence[str] = ()  # for the log, where it is to hold them
        self._desk = desk
        self._method = method
        self._metadata = metadata
        self._peer = peer
        self._caller: Caller | None = None
        self._started_s = time.perf_counter()

    def trailing(self) -> tuple[tuple[str, str | bytes], ...]:
        """What the caller gets back beside the answer."""
        return ((REQUEST_ID, self.request_id),)

    @property
    def caller_key(self) -> str:
        """Whose call it is; empty before it is known."""
        return "" if self._caller is None else self._caller.key

    def identify(self) -> Caller:
        """Look who calls, and whether there is room, before anything of what it sends is read. Raises AskError."""
        try:
            caller = self._caller = self._desk.authentication.who(self._metadata, self._peer)
            self._desk.admission.check_call()
        except AskError as error:
            self.refused(error)
            raise
        return caller

    def holds(self, asks: int) -> None:
        """Note that it holds so many asks: its caller's asks a second are counted, not its calls."""
        assert self._caller is not None
        self._desk.callers.owes(self._caller, asks - 1)

    def refused(self, error: AskError) -> None:
        """Count a call that was not let in."""
        self._desk.observer.call_started(self._method)
        self._end(error.code)

    def __enter__(self) -> Call:
        if self._caller is None:
            self.identify()
        assert self._caller is not None
        desk = self._desk
        desk.observer.call_started(self._method)
        try:
            desk.admission.enter_call()
            try:
                desk.callers.enter(self._caller)
            except AskError:
                desk.admission.leave_call()
                raise
        except AskError as error:
            self._end(error.code)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._desk.admission.leave_call()
        assert self._caller is not None
        self._desk.callers.leave(self._caller)
        if error is None:
            self._end("OK")
        elif isinstance(error, AskError):
            self._end(error.code)
        elif isinstance(error, asyncio.CancelledError):  # the caller has left, or its time is up
            self._end(DeadlineExceeded.code if expired(self.deadline_s) else Cancelled.code)
        elif isinstance(error, Exception):
            self._log(error)
            self._end(InternalError.code)
            raise InternalError from None

    def failed(self, error: Exception) -> AskError:
        """Log and count what went wrong unexpectedly before it was let in, and give what its caller is told."""
        self._log(error)
        self.refused(told := InternalError())
        return told

    def _log(self, error: Exception) -> None:
        failures.error("Call %s failed unexpectedly", self.request_id, exc_info=error)

    def _end(self, code: str) -> None:
        seconds = time.perf_counter() - self._started_s
        caller = "" if self._caller is None else self._caller.name
        self._desk.observer.call_ended(self._method, code, seconds, caller)
        if log.isEnabledFor(logging.INFO):
            questions = tuple(self.questions) if self._desk.log_questions else None
            ended = CallEnded(self._method, code, 1000 * seconds, self.request_id, caller, questions)
            asyncio.get_running_loop().call_soon(log.info, ended)  # once the answer is on its way


def _quoted(said: object) -> str:
    return printable_json(json.dumps(said, ensure_ascii=False))


def _request_id(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Take the caller's own id, where it is a plain word, or make one."""
    for key, value in metadata:
        if key == REQUEST_ID and isinstance(value, str) and PLAIN.fullmatch(value):
            return value
    return f"{random.getrandbits(128):032x}"  # no secret is wanted, so the system need not be asked
