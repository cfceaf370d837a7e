"""One table of a TOML file, each value checked when it is read, so that an error names the key and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ImportSpecError

T = TypeVar("T")


class Section:
    """The values of one table; `finish` refuses keys that nobody has read."""

    def __init__(self, path: Path, place: str, tree: dict[str, Any]) -> None:
        self.path, self.place, self.tree = path, place, tree
        self.seen: set[str] = set()

    def section(self, key: str, *, needed: bool = True) -> Section:
        """A table inside this one."""
        tree: Any = self._get(key, None if needed else {})
        if not isinstance(tree, dict):
            raise self.wrong(key, f"a table: [{self.place}{key}]")
        return Section(self.path, f"{self.place}{key}.", tree)

    def text(self, key: str, default: str | None, *, empty: bool = False) -> str | Any:
        """Text, not empty unless `empty`."""
        value = self._get(key, default)
        if value is not default and not (isinstance(value, str) and (value or empty)):
            raise self.wrong(key, "text")
        return value

    def one_of(self, key: str, allowed: Sequence[str], default: str | None) -> str:
        """One of a few texts; a default of None means that it must be given."""
        value = self._get(key, default)
        if value not in allowed:
            raise self.wrong(key, "one of " + ", ".join(f'"{one}"' for one in allowed))
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def whole(self, key: str, default: Any, *, least: int) -> Any:
        """A whole number."""
        value = self._get(key, default)
        if value is not default and (type(value) is not int or not least <= value <= 1_000_000):
            raise self.wrong(key, f"a whole number from {least} to 1000000")
        return value

    def number(
        self, key: str, default: float, *, above: float | None = None, most: float | None = None
    ) -> float:
        """A number, which may be written as a fraction: "1/255"."""
        value = self._get(key, default)
        allowed = "a number" + ("" if above is None else f" above {above:g}")
        allowed += "" if most is None else f", at most {most:g}"
        number = as_number(value)
        if number is None or (above is not None and number <= above) or (most is not None and number > most):
            raise self.wrong(key, allowed)
        return number

    def three(self, key: str, default: float) -> tuple[float, ...]:
        """A number for each colour, or one for all of them."""
        value = self._get(key, default)
        numbers = [as_number(one) for one in (value if isinstance(value, list) else [value] * 3)]
        if len(numbers) != 3 or None in numbers:
            raise self.wrong(key, "a number, or three of them")
        return tuple(number for number in numbers if number is not None)

    def pair(self, key: str) -> tuple[int, int] | None:
        """Two sizes in pixels, or None."""
        value = self._get(key, None)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(type(v) is int and 0 < v <= 8192 for v in value)
        ):
            raise self.wrong(key, "[height, width] in pixels, each 1 to 8192")
        return value[0], value[1]

    def file(self, key: str) -> Path:
        """A file beside the spec."""
        value = self._get(key, None)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "the name of a file")
        found = self.path.parent / value
        if not found.is_file():
            raise ImportSpecError(
                f"{self.path}: {self.place}{key} names {value!r}, but there is no file {found}."
            )
        return found

    def finish(self) -> None:
        """Raises ImportSpecError for keys that mean nothing here."""
        if odd := sorted(self.tree.keys() - self.seen):
            known = ", ".join(sorted(self.seen))
            raise ImportSpecError(
                f"{self.path}: {self.place}{odd[0]} means nothing here; known are: {known}. "
                "docs/importing.md says which keys belong to which form."
            )

    def wrong(self, key: str, allowed: str) -> ImportSpecError:
        """What is to be raised about a key."""
        seen = repr(self.tree[key]) if key in self.tree else "missing"
        seen = seen if len(seen) <= 60 else f"{seen[:60]}..."
        return ImportSpecError(f"{self.path}: {self.place}{key} is {seen}; it must be {allowed}.")

    def _get(self, key: str, default: T) -> T | Any:
        self.seen.add(key)
        return self.tree.get(key, default)


def as_number(value: Any) -> float | None:
    """A finite number, or a fraction of two; None for anything else."""
    if isinstance(value, str):
        above, _, below = value.partition("/")
        try:
            value = float(above) / float(below or 1)
        except (ValueError, ZeroDivisionError):
            return None
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    return float(value)
