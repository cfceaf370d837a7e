"""What to do with bad entries: name the first of them and stop, or leave all of them out and count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import DatasetError

_NAMED = 3  # of the entries that are bad; the others are counted


@dataclass
class BadEntries:
    """Bad entries met so far, by kind."""

    skip: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def meet(self, kind: str, message: str) -> None:
        """Count an entry that is left out; `message` says what is wrong with it."""
        self.counts[kind] += 1
        if len(self.first) < _NAMED:
            self.first.append(message)

    def check(self) -> None:
        """Raise DatasetError where bad entries were met and are not to be left out."""
        if not self.counts or self.skip:
            return
        count = self.counts.total()
        if count == 1:
            raise DatasetError(f"{self.first[0]} Correct it, or leave such entries out with --skip-bad.")
        more = f" And {count - len(self.first)} more." if count > len(self.first) else ""
        raise DatasetError(
            f"{count} entries are bad ({in_words(self.counts)}). {' '.join(self.first)}{more} Correct them, or leave "
            "such entries out with --skip-bad."
        )


def in_words(counts: Mapping[str, int]) -> str:
    """As in "2 unknown image, 1 broken entry"."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())
