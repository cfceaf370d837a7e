"""What became of the asks of one row. An ask belongs to the window in which it was due, an answer to when it came.

So asks a second are what was answered meanwhile, however much is still owed; and a latency is counted for each ask
that was due. One that was not answered within the timeout, or too late for it, has the timeout for its latency, which
is less than the truth; one that was refused has none, since quick refusals would flatter.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

OK = "OK"
TIMED_OUT = "DEADLINE_EXCEEDED"
NOT_SENT = "NOT_SENT"  # due while as many were under way as this process holds
UNANSWERED = (TIMED_OUT, NOT_SENT)


class AskOutcome(NamedTuple):
    """How one ask ended."""

    code: str  # a gRPC status code's name
    verdict: str = ""
    resent: bool = False  # the server no longer held its photo, which was sent again
    follow_up: bool = False  # about a photo that the server had been shown


@dataclass
class Tally:
    """Times are seconds of one clock, `due_s` those at which an ask was to begin."""

    begins_s: float
    ends_s: float
    timeout_s: float
    answered: int = 0  # answers that came in the window
    latency_s: array[float] = field(default_factory=lambda: array("d"))
    follow_up: array[int] = field(default_factory=lambda: array("b"))  # whether each latency is a follow-up's
    late_s: array[float] = field(
        default_factory=lambda: array("d")
    )  # from due to sent: this process' own delay
    codes: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    resent: int = 0

    def add(self, outcome: AskOutcome, *, due_s: float, sent_s: float, done_s: float) -> None:
        """Count an ask that has ended; an answer after the timeout counts as timed out."""
        if done_s - due_s >= self.timeout_s and outcome.code != NOT_SENT:
            outcome = outcome._replace(code=TIMED_OUT)
        if outcome.code == OK and self.begins_s <= done_s < self.ends_s:
            self.answered += 1
        if not self.begins_s <= due_s < self.ends_s:
            return
        self.codes[outcome.code] += 1
        self.late_s.append(sent_s - due_s)
        if outcome.code == OK or outcome.code in UNANSWERED:
            self.latency_s.append(done_s - due_s if outcome.code == OK else self.timeout_s)
            self.follow_up.append(outcome.follow_up)
        if outcome.code == OK:
            self.verdicts[outcome.verdict] += 1
        self.resent += outcome.resent
