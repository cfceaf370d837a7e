"""Which of the waiting rows run now, and which are dropped: pure decisions, without threads, clocks or engines.

The law: every row that waits is, at each closing, exactly one of run, expired, cancelled or still waiting; nobody who
has left is ever run; of those who stay, none that is due earlier is passed over for one that is due later, but for rows
of callers who sent many (`bulk`): a batch holds only so many of them.

A row is due at its deadline, and at the latest `longest_wait_s` after its turn came (row_queue.py): a short deadline
overtakes a long one, and yet nothing is overtaken for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SMOOTHING = 0.2  # the newest batch's weight: follows a change of load within some ten batches
FIRST_GUESS_S = 0.02  # a row, before any has run
# Of the time that an ask has left; the rest is for decoding, for the other engine, and for the way back. Without it
# all that is let in under overload is done just too late, and goodput falls to a third.
ENGINES_SHARE = 0.7
SHORTEST_RETRY_S, LONGEST_RETRY_S = 0.05, 30.0
# Beside other callers: what rows of those who sent many may take of a batch. An engine that is quick, as on a GPU, runs
# whole batches of them in that time; one that is slow runs the part, since many small batches take longer in all.
BULK_S, BULK_PART = 0.002, 0.125


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchLimits:
    """How many rows one engine call takes and how many may wait for it."""

    max_batch: int = 32
    queue_capacity: int = 1024
    longest_wait_s: float = 2.0  # how long rows of nearer deadlines may overtake one; see the law


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """One row that waits, as seen at the moment of closing."""

    age_s: float  # since its turn came; below 0 before that
    deadline_in_s: float | None = None  # None: no deadline; 0 or less: it has passed
    cancelled: bool = False
    bulk: bool = False  # its caller sent more than a batch holds

    def expires_within(self, seconds: float) -> bool:
        """Whether the deadline will have passed in so many seconds; for 0, whether it has passed."""
        return self.deadline_in_s is not None and self.deadline_in_s <= seconds

    def due_in_s(self, longest_wait_s: float) -> float:
        """When its turn is due."""
        turn_s = longest_wait_s - self.age_s
        return turn_s if self.deadline_in_s is None else min(turn_s, self.deadline_in_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """What becomes of the rows, as indices into what was waiting; those not named go on waiting."""

    run: tuple[int, ...]
    expired: tuple[int, ...]
    cancelled: tuple[int, ...]


def close_batch(
    waiting: Sequence[Waiting],
    max_batch: int,
    *,
    longest_wait_s: float = 2.0,
    batch_s: float = 0.0,
    most_bulk: int | None = None,
) -> Closing:
    """Choose the rows that are due first, at most `max_batch`, and drop all that nobody waits for any more.

    At most `most_bulk` of them are bulk, even where that leaves room: who comes next would wait for these too.

    Where more wait than one batch takes, rows that would expire while it runs (`batch_s`, as measured) are dropped
    too: having the nearest deadlines, they would run first, in the place of rows that can still be answered in time.
    """
    cancelled = tuple(i for i, row in enumerate(waiting) if row.cancelled)
    crowded = len(waiting) - len(cancelled) > max_batch
    expired = tuple(
        i
        for i, row in enumerate(waiting)
        if row.expires_within(batch_s if crowded else 0.0) and not row.cancelled
    )
    gone = {*cancelled, *expired}
    staying = sorted(
        (i for i in range(len(waiting)) if i not in gone),
        key=lambda i: (waiting[i].due_in_s(longest_wait_s), -waiting[i].age_s),
    )
    if most_bulk is not None:
        passed_over = {*[i for i in staying if waiting[i].bulk][most_bulk:]}
        staying = [i for i in staying if i not in passed_over]
    return Closing(run=tuple(staying[:max_batch]), expired=expired, cancelled=cancelled)


def most_bulk(max_batch: int, row_s: float | None) -> int:
    """How many bulk rows a batch holds beside other callers, by the measured time a row."""
    part = max(1, int(max_batch * BULK_PART))
    return part if not row_s else min(max_batch, max(part, int(BULK_S / row_s)))


def hopeless(*, ahead: int, row_s: float | None, deadline_in_s: float | None, max_batch: int) -> bool:
    """Whether a new row would expire before its turn, by the measured time a row; refuse it while that is early.

    Never said of a row that the next batch may take, nor before anything was measured.
    """
    if row_s is None or deadline_in_s is None or ahead < max_batch:
        return False
    # Those ahead, and the batch that it is in.
    return (ahead + max_batch) * row_s > ENGINES_SHARE * deadline_in_s


class DrainRate:
    """How long an engine takes a row, smoothed over its last batches; its caller brings the clock."""

    def __init__(self) -> None:
        self.row_s: float | None = None  # None before anything ran

    def ran(self, rows: int, seconds: float) -> None:
        """Take a batch that ran into the average."""
        row_s = seconds / rows
        self.row_s = row_s if self.row_s is None else (1 - SMOOTHING) * self.row_s + SMOOTHING * row_s

    def retry_after_s(self, rows: int) -> float:
        """When to come back if `rows` are waiting, within bounds that a client can live with."""
        expected = rows * (FIRST_GUESS_S if self.row_s is None else self.row_s)
        return min(max(expected, SHORTEST_RETRY_S), LONGEST_RETRY_S)


class FailureStreak:
    """Whether an engine works: not after several batches in a row have failed, again as soon as one succeeds."""

    TOO_MANY = 3

    def __init__(self) -> None:
        self._failures = 0

    def batch(self, *, failed: bool) -> None:
        """Take note of a batch."""
        self._failures = self._failures + 1 if failed else 0

    def hung(self) -> None:
        """Take note that the engine hangs: unhealthy at once."""
        self._failures = self.TOO_MANY

    @property
    def healthy(self) -> bool:
        return self._failures < self.TOO_MANY
