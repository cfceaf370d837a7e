"""How long a text's prefix or suffix is, told by the one character at its edge where the pattern allows that.

spaCy's patterns have hundreds of alternatives, and Python's `re` tries them all, at every position that it searches.
But each alternative has a character, or a class of them, at the text's edge. Once that is seen, few are left, often
none, or one that is this character and no more. A pattern that is not understood is searched as it stands.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

Length = Callable[[str], int]  # of a text's affix; 0 without one

CODES = 0x110000
NO_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE
_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_ITEM = re.compile(  # an escaped mark, a class, a group without groups inside, or a character; perhaps repeated
    rf"(?P<atom>\\[^\w\s]|{_CLASS}|\((?:\\.|{_CLASS}|[^()\[\]\\])*\)|[^\\()\[\]|*+?{{}}])(?P<more>\+?)|(?P<bar>\|)"
)
LOOKS = ("(?=", "(?!", "(?<")  # they take nothing
_FLAGS = re.compile(r"\(\?[^:=!<]")

Items = list[tuple[str, str]]  # of one alternative: (atom, "+" or "")


class _Branch(NamedTuple):
    """One alternative of a pattern."""

    items: Items
    edge: str | None  # the pattern of the character at the edge; None: it may be any
    width: int | None  # how many characters it takes; None: that differs

    @property
    def alone(self) -> bool:
        """Whether the character at the edge is all that it takes and looks at."""
        return self.edge is not None and len(self.items) == 2 and self.width == 1


class Affix:
    """The length of a text's prefix or suffix: of its pattern's first match, 0 without one. Thread-safe."""

    def __init__(self, whole: Length, edge: int) -> None:
        self._whole = whole
        self._edge = edge  # of a text: 0 or -1
        self._kinds: list[int | Length] = [whole]  # the first stands for what is not known yet
        self._known = memoryview(bytearray(2 * CODES)).cast("H")  # 2 MiB at most, touched as used
        self._learn: Callable[[str], int] = lambda character: 0

    def __call__(self, text: str) -> int:
        if not text:
            return 0
        kind = self.kind(text[self._edge])
        return kind if isinstance(kind, int) else kind(text)

    def kind(self, character: str) -> int | Length:
        """What a text with that character at its edge has: a length for all such texts, or what tells it."""
        return self._kinds[self._known[ord(character)] or self._learn(character)]

    def tell_by_edge(
        self, branches: Sequence[_Branch], length_of: Callable[[list[_Branch]], int | Length]
    ) -> None:
        """From now on, look at the branches only that can have a character at the edge."""
        places: dict[tuple[int, ...], int] = {}  # branches that are left → where in `kinds`
        by_edge: dict[str | None, list[int]] = {}  # by a character, a class of them, or None
        for number, branch in enumerate(branches):
            edge = branch.edge
            by_edge.setdefault(edge[-1] if edge and edge[0] != "[" else edge, []).append(number)
        classes = [(re.compile(edge).match, group) for edge, group in by_edge.items() if edge and edge[1:]]
        always = by_edge.get(None, [])
        learning = threading.Lock()

        def learn(character: str) -> int:
            left = [*always, *by_edge.get(character, ())]
            for match, group in classes:
                left += group if match(character) else ()
            chosen = tuple(sorted(left))
            with learning:
                if chosen not in places:
                    if len(self._kinds) > 0xFFFF:
                        return 0
                    self._kinds.append(length_of([branches[number] for number in chosen]))
                    places[chosen] = len(self._kinds) - 1
                self._known[ord(character)] = places[chosen]
                return places[chosen]

        self._learn = learn


def prefix_of(pattern: str | None) -> Affix:
    """What tells a text's prefix."""
    search = re.compile(pattern or "").search

    def whole(text: str) -> int:
        found = search(text)
        return found.end() - found.start() if found else 0

    affix = Affix(whole, 0)
    if (branches := _branches(pattern or "", begins=True)) is not None:
        affix.tell_by_edge(branches, _prefix_of)
    return affix


def suffix_of(pattern: str | None, reach: int | None) -> Affix:
    """What tells a text's suffix; `reach` as Rules.suffix_reach."""
    whole = _search_end(pattern or "", reach)
    affix = Affix(whole, -1)
    if (branches := _branches(pattern or "", begins=False)) is not None:
        # $ also stands before a last newline, which is not the suffix's edge then.
        newline = _Branch([], "\n", None)
        affix.tell_by_edge(
            [*branches, newline], lambda chosen: whole if newline in chosen else _suffix_of(chosen, reach)
        )
    return affix


def _search_end(pattern: str, reach: int | None) -> Length:
    search = re.compile(pattern).search

    def length(text: str) -> int:
        seen = reach + 1 if reach else len(text)  # one more, since $ also stands before a last newline
        while True:
            start = max(0, len(text) - seen)
            found = search(text, start)
            if found is None or found.start() > start or start == 0:
                return found.end() - found.start() if found else 0
            seen *= 2  # a run, which may begin sooner

    return length


def _prefix_of(branches: list[_Branch]) -> int | Length:
    if not branches:
        return 0
    if branches[0].alone:  # the first that fits is taken
        return 1
    match = re.compile(_pattern(branches)).match

    def length(text: str) -> int:
        found = match(text)
        return found.end() if found else 0

    return length


def _suffix_of(branches: list[_Branch], reach: int | None) -> int | Length:
    if all(branch.alone for branch in branches):
        return 1 if branches else 0
    widths = [branch.width for branch in branches if branch.width is not None]
    if len(widths) < len(branches):
        return _search_end(_pattern(branches), reach)
    search, widest = re.compile(_pattern(branches)).search, max(widths)

    def length(text: str) -> int:
        found = search(text, max(0, len(text) - widest))
        return len(text) - found.start() if found else 0

    return length


def _branches(pattern: str, *, begins: bool) -> list[_Branch] | None:
    """The alternatives, each anchored at its edge; None where the pattern is not of that form."""
    found = None if re.compile(pattern).flags & NO_FLAGS else alternatives(pattern)
    if found is None:
        return None
    anchor, at = (("^", ""), 0) if begins else (("$", ""), -1)
    if any(len(items) < 2 or items[at] != anchor or _FLAGS.match(items[0][0]) for items in found):
        return None
    branches = [one for items in found for one in opened(items, 1 if begins else len(items) - 2)]
    if any(len(items) < 2 for items in branches):  # an alternative that takes nothing
        return None
    return [_branch(items, items[1 if begins else -2]) for items in branches]


def _branch(items: Items, item: tuple[str, str]) -> _Branch:
    atom = item[0]
    edge = None if atom[0] == "(" or atom in ("^", "$", ".") else atom
    taking = [item for item in items if item[0] not in ("^", "$") and not item[0].startswith(LOOKS)]
    fixed = all(not more and atom[0] != "(" for atom, more in taking)
    return _Branch(items, edge, len(taking) if fixed else None)


def _pattern(branches: Sequence[_Branch]) -> str:
    return "|".join("".join(map("".join, branch.items)) for branch in branches)


def opened(items: Items, at: int) -> list[Items]:
    """A group at the edge becomes an alternative for each of its own."""
    atom, more = items[at]
    start = 3 if atom.startswith("(?:") else 1 if atom[0] == "(" and atom[1] != "?" else 0
    inner = alternatives(atom[start:-1]) if start and not more else None
    return [items] if inner is None else [[*items[:at], *one, *items[at + 1 :]] for one in inner]


def alternatives(pattern: str) -> list[Items] | None:
    """A pattern's alternatives at its top; None where it holds what is not understood here."""
    found: list[Items] = [[]]
    at = 0
    while at < len(pattern):
        item = _ITEM.match(pattern, at)
        if item is None:
            return None
        if item["bar"]:
            found.append([])
        else:
            found[-1].append((item["atom"], item["more"]))
        at = item.end()
    return found
