"""One JSON object of bundle.json, read key by key; each refusal names the key, what is allowed and what was found."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import BundleError, refused

ADVICE = "Export the bundle again, or upgrade AskSight if the bundle is newer than it."
T = TypeVar("T")


@dataclass(frozen=True)
class Section:
    """It knows its place for the errors. Every method raises BundleError where the value is not as asked for."""

    where: object  # the file
    place: str  # as in "question.", "" at the top
    tree: dict[str, Any]

    def get(self, key: str, kind: type[T]) -> T:
        """The value, which must be of that JSON kind; True is no int."""
        if key not in self.tree:
            raise self.error(key, f"a {kind.__name__}", "nothing: the key is missing")
        value = self.tree[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"a {kind.__name__}", f"a {kind_name(value)}")
        return value

    def section(self, key: str) -> Section:
        """An object inside this one."""
        return Section(self.where, f"{self.place}{key}.", self.get(key, dict))

    def only(self, known: Collection[str], found: str) -> None:
        """Refuse the first key that is not known; `found` says what it is taken for."""
        for key in self.tree:
            if key not in known:
                raise self.error(key, f"only {', '.join(known)}", found)

    def text(self, key: str) -> str:
        """A line of text, not empty."""
        value = self.get(key, str)
        if not value or not value.isprintable():
            raise self.error(key, "a line of text", json.dumps(value))
        return value

    def text_or_none(self, key: str) -> str | None:
        """The same, None where it is null or missing."""
        return None if self.tree.get(key) is None else self.text(key)

    def lines(self, key: str) -> tuple[str, ...]:
        """Lines of text: one, or a list of them; none where the key is missing."""
        value = self.tree.get(key, [])
        lines = [value] if isinstance(value, str) else value
        if not isinstance(lines, list) or not all(
            isinstance(line, str) and line and line.isprintable() for line in lines
        ):
            raise self.error(key, "a line of text, or a list of them", json.dumps(value)[:80])
        return tuple(lines)

    def at_least(self, key: str, least: int) -> int:
        """A whole number from `least` on."""
        value = self.get(key, int)
        if value < least:
            raise self.error(key, f"at least {least}", str(value))
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.get(key, float) if isinstance(self.tree.get(key), float) else self.get(key, int)
        try:
            finite = math.isfinite(value)
        except OverflowError:  # a whole number of hundreds of digits
            finite = False
        if not finite:
            raise self.error(key, "a finite number", str(value)[:80])
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """A bool that may be missing."""
        return self.get(key, bool) if key in self.tree else default

    def one_of(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        """One of these texts; `default` where the key may be missing."""
        if default is not None and key not in self.tree:
            return default
        value = self.get(key, str)
        if value not in allowed:
            raise self.error(key, " or ".join(allowed), repr(value))
        return value

    def error(self, key: str, expected: str, found: str) -> BundleError:
        """The refusal of one value."""
        return refused(self.where, expected=f"{expected} as {self.place}{key}", found=found, advice=ADVICE)


def kind_name(value: object) -> str:
    """As a person who wrote JSON would call it."""
    return "null" if value is None else type(value).__name__
