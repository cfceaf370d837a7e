"""One row that waits for an engine or runs in it: what it is, who wants it, and where its outcome goes, once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Generic, TypeVar

from .batching import Waiting
from .errors import AskError
from .patience import Interest

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Item, Row]):
    """A row in a batcher."""

    item: Item
    interest: Interest
    since_s: float  # when it came, by the monotonic clock
    future: Future[Row]

    def look(self, now_s: float) -> Waiting:
        """See it as it is now, for the decision what runs."""
        deadline_s = self.interest.deadline_s()
        return Waiting(
            age_s=now_s - self.since_s,
            deadline_in_s=None if deadline_s is None else deadline_s - now_s,
            cancelled=self.interest.cancelled(),
        )

    def settle(self, outcome: Row | AskError) -> None:
        """Give it its outcome; a second one is dropped."""
        try:
            if isinstance(outcome, AskError):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)
        except InvalidStateError:
            log.debug("a row was settled twice: its engine was given up first")


def fail(entries: Sequence[Entry[Item, Row]], error: AskError) -> None:
    """Fail them all."""
    for entry in entries:
        entry.settle(error)
