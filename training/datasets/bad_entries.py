"""What to do with a bad entry: stop and name it, or leave it out and count it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..errors import DatasetError


@dataclass
class BadEntries:
    """Bad entries met so far, by kind."""

    skip: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def meet(self, kind: str, message: str) -> None:
        """Raise DatasetError with `message`, or count one of `kind` if bad entries are to be left out."""
        if not self.skip:
            raise DatasetError(f"{message} Correct it, or leave such entries out with --skip-bad.")
        self.counts[kind] += 1
