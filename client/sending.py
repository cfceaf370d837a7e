"""When a message that was refused is sent again, without any I/O: as the server says, until the deadline.

An overloaded server says when to come back (google.rpc.RetryInfo); one that cannot be reached may be starting.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from asksight.v1 import vqa_pb2

from .errors import AskSightError, DeadlineError, OverloadedError, UnavailableError
from .faults import from_item

Q = TypeVar("Q")
A = TypeVar("A")

FIRST_WAIT_S, LONGEST_WAIT_S = (
    0.2,
    2.0,
)  # for a server that cannot be reached; gRPC has tried four times before
LAST_S = 0.05  # with less time than this no try more is worth it


class Sending(Generic[Q, A]):
    """One message on its way. `message` is what to send next, `outcome` what came of it in the end.

    In a batch, the asks that were refused for an overload are sent again without those that were answered.
    """

    def __init__(
        self,
        message: Q,
        *,
        timeout_s: float,
        wait_for_server: bool = True,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`timeout_s` is what the caller gave, for all tries together."""
        self.message = message
        self.outcome: A | AskSightError | None = None
        self._timeout_s = timeout_s
        self._wait_for_server = wait_for_server
        self._chance = chance
        self._tries = 0
        self._last_try = False
        self._refusal: AskSightError | None = None
        self._results: dict[int, vqa_pb2.AskResult] = {}  # of a batch, by place
        self._rows: list[int] = []  # the places of the asks in `message`

    def after(self, outcome: A | AskSightError, left_s: float) -> float | None:
        """Take what came of sending `message`, with `left_s` seconds to the deadline.

        Give the seconds to wait before `message` is to be sent again; None where `outcome` is what it comes to.
        """
        self._tries += 1
        if isinstance(outcome, AskSightError):
            wait_s = self._wait_s(outcome, left_s)
            if wait_s is None:
                self.outcome = self._whole() if self._results else self._told(outcome)
            else:
                self._refusal = outcome
            return wait_s
        self.outcome = outcome
        return self._after_batch(outcome, left_s) if isinstance(outcome, vqa_pb2.AskBatchResponse) else None

    def _after_batch(self, response: vqa_pb2.AskBatchResponse, left_s: float) -> float | None:
        message = cast("vqa_pb2.AskBatchRequest", self.message)
        if len(response.results) != len(message.asks):
            return None  # what the dialogue says of it
        rows = self._rows or list(range(len(message.asks)))
        self._results.update(zip(rows, response.results, strict=True))
        refusals: dict[int, AskSightError] = {}
        for place, result in enumerate(response.results):
            if result.WhichOneof("result") == "error" and result.error.HasField("retry_delay"):
                refusals[place] = from_item(result.error)
        if refusals:
            latest = max(refusals.values(), key=lambda one: getattr(one, "retry_after_s", None) or 0.0)
            wait_s = self._wait_s(latest, left_s)
            if wait_s is not None:
                self._rows = [rows[place] for place in refusals]
                again = vqa_pb2.AskBatchRequest(asks=[message.asks[place] for place in refusals])
                self.message = cast("Q", again)
                return wait_s
        self.outcome = self._whole()
        return None

    def _whole(self) -> A:
        results = [self._results[row] for row in sorted(self._results)]
        return cast("A", vqa_pb2.AskBatchResponse(results=results))

    def _wait_s(self, refusal: AskSightError, left_s: float) -> float | None:
        if left_s < LAST_S or self._last_try:
            return None
        if isinstance(refusal, OverloadedError) and refusal.retry_after_s is not None:
            told_s = refusal.retry_after_s
            if told_s < left_s:  # later each time, and not all callers at once
                later_s: float = told_s * (1 + self._chance() * min(self._tries, 4))
                return min(later_s, max(told_s, left_s - LAST_S))
            if self._tries == 1:
                return None  # whoever asked has to know that it takes longer than they would wait
            self._last_try = True
            return left_s / 2
        if isinstance(refusal, UnavailableError) and self._wait_for_server and not refusal.lasting:
            wait_s: float = min(FIRST_WAIT_S * 2**self._tries, LONGEST_WAIT_S) * (0.8 + 0.4 * self._chance())
            return min(wait_s, left_s / 2)
        return None

    def _told(self, error: AskSightError) -> AskSightError:
        """The last error; where the time ran out, how long that was, and why further tries were needed."""
        if not isinstance(error, DeadlineError):
            return error
        if isinstance(self._refusal, UnavailableError):
            return self._refusal
        said = [error.message]
        if not math.isinf(self._timeout_s):
            said.append(f"The timeout was {self._timeout_s:g} s.")
        if self._refusal is not None:
            said.append(f"Before that: {self._refusal.message}")
        told = DeadlineError(" ".join(said))
        told.__cause__ = error
        return told
