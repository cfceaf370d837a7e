"""What can be proved of a tokenizer's patterns, so that serving may take short cuts and stay exact.

Read from the parse trees of Python's own `re`. Where a proof fails, the answer is the one without a short cut.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

op: Any = import_module("re._constants")  # no public name is left for them; Python 3.11 to 3.14 have these
parser: Any = import_module("re._parser")
LETTERS = frozenset(string.ascii_letters)
Items = list[tuple[Any, Any]]  # of a parse tree: (operation, argument)
CLASSES: Mapping[Any, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdigit,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
}


def plain_ends(
    patterns: Mapping[str, str | None], exceptions: Iterable[str], parts: frozenset[str]
) -> str | None:
    """ASCII marks that are a token of their own after ASCII letters, whatever the letters; None: letters may be cut.

    `patterns` as in Rules; `parts` are tokens that step 3 of ext/text.py may join to others.
    """
    if any(len(text.split()) > 1 or text.strip() not in ("", text) for text in exceptions):
        return None  # chunks depend on their neighbours
    if any(re.compile(pattern or "").flags & re.IGNORECASE for pattern in patterns.values()):
        return None  # other letters are equal to ASCII's then, as K (the sign of Kelvin) is to k
    if any(can_match(branch, LETTERS) for pattern in patterns.values() for branch in branches(pattern)):
        return None
    marks = (mark for mark in string.punctuation if mark not in parts)
    return "".join(mark for mark in marks if _always_cut(mark, patterns))


def suffix_reach(pattern: str | None) -> int | None:
    """Characters at the end that hold every suffix, or its end where the suffix is a longer run of one character.

    None where that cannot be said.
    """
    longest = 1
    for branch in branches(pattern):
        if branch[-1:] != [(op.AT, op.AT_END)]:
            return None
        length = _least_of_run(branch[:-1])  # as of \.\.+, any part of which that is long enough fits too
        if length is None:
            length = _width(branch)
        if length is None:
            return None
        longest = max(longest, length)
    return longest


def branches(pattern: str | None) -> list[Items]:
    """The alternatives of a pattern, each a sequence of items; groups at the top are opened."""
    return _opened(list(parser.parse(pattern))) if pattern else []


def _opened(items: Items) -> list[Items]:
    for at, (operation, argument) in enumerate(items):
        if operation is op.BRANCH:
            inner = [list(branch) for branch in argument[1]]
        elif operation is op.SUBPATTERN and argument[1] == argument[2] == 0:
            inner = [list(argument[3])]
        else:
            continue
        return [opened for branch in inner for opened in _opened([*items[:at], *branch, *items[at + 1 :]])]
    return [items]


def can_match(items: Iterable[tuple[Any, Any]], alphabet: frozenset[str]) -> bool:
    """False only where no text of these characters alone holds a match."""
    return all(_item_can_match(operation, argument, alphabet) for operation, argument in items)


def _item_can_match(operation: Any, argument: Any, alphabet: frozenset[str]) -> bool:
    if operation in (op.LITERAL, op.NOT_LITERAL, op.IN, op.RANGE, op.CATEGORY):
        return any(_fits((operation, argument), character) for character in alphabet)
    if operation is op.BRANCH:
        return any(can_match(branch, alphabet) for branch in argument[1])
    if operation is op.SUBPATTERN:
        return bool(argument[1]) or can_match(argument[3], alphabet)  # flags of its own may be any
    if operation in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return argument[0] == 0 or can_match(argument[2], alphabet)
    if operation is op.ASSERT:
        return can_match(argument[1], alphabet)
    return True  # what is not known may match


def _fits(item: tuple[Any, Any], character: str) -> bool:
    """May one item match one character?"""
    operation, argument = item
    if operation is op.LITERAL:
        return bool(argument == ord(character))
    if operation is op.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    if operation is op.CATEGORY:
        return argument not in CLASSES or CLASSES[argument](character)
    if operation is op.IN and argument[0][0] is not op.NEGATE:
        return any(_fits(one, character) for one in argument)
    return True


def _always_cut(mark: str, patterns: Mapping[str, str | None]) -> bool:
    alphabet = LETTERS | {mark}
    if any(can_match(branch, alphabet) for branch in branches(patterns["token_match"])):
        return False
    for branch in branches(patterns["prefix"]):
        if can_match(branch, alphabet):  # then it must stand at the front and fit no letter there
            first = consuming(branch)[:1]
            anchored = branch[0] == (op.AT, op.AT_BEGINNING)
            if not anchored or not first or any(_item_can_match(*first[0], frozenset(x)) for x in LETTERS):
                return False
    ends = [branch for branch in branches(patterns["suffix"]) if can_match(branch, alphabet)]
    alone = any(branch in ([(op.LITERAL, ord(mark)), (op.AT, op.AT_END)],) for branch in ends)
    return alone and all(branch[-1] == (op.AT, op.AT_END) and _widths(branch) == (1, 1) for branch in ends)


def consuming(items: Items) -> Items:
    """The items that take characters."""
    return [item for item in items if item[0] not in (op.AT, op.ASSERT, op.ASSERT_NOT)]


def _least_of_run(items: Items) -> int | None:
    """How many characters a run must have, where items match runs of one character (or class) and nothing else."""
    kinds, least, endless = set(), 0, False
    for operation, argument in items:
        kind, times = (operation, argument), 1
        if operation is op.MAX_REPEAT and len(argument[2]) == 1:
            kind, times = argument[2][0], argument[0]
            endless = endless or argument[1] is op.MAXREPEAT
        if kind[0] not in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            return None
        kinds.add(str(kind))
        least += times
    return least if endless and least and len(kinds) == 1 else None


def _widths(items: Items) -> tuple[int, int]:
    tree = parser.SubPattern(parser.State(), items)
    least, most = tree.getwidth()
    return int(least), int(most)


def _width(items: Items) -> int | None:
    most = _widths(items)[1]
    return most if most < 1000 else None
