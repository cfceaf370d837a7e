"""Patterns as alternatives of characters in a row, in tables that C reads (branches.h).

spaCy's affixes and infixes are hundreds of alternatives that are hardly more than a class of characters each, perhaps
with others before or behind it. Characters that all classes of all patterns treat alike are one kind, and whether a
kind is in a class is one bit. What is no such pattern is left to `re`: `branches_of` gives None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .affixes import NO_FLAGS, Items, alternatives, opened

MOST = 0xFFFF  # branches, and atoms of all patterns
LONGEST = 0xFF  # atoms in a row
RUNS, NOT_BEHIND, NOT_AHEAD = 1, 2, 4  # flags of a branch, as in branches.h
# What a class mentions. Others are in it or not by what they are, as with \w, which tells nothing of where that changes.
_MENTIONED = r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\([^\w\s])|([^\\])"
_UNDERSTOOD = re.compile(rf"(?:{_MENTIONED})*", re.DOTALL)
_LOOK = re.compile(r"\(\?(<?)([=!])(.*)\)", re.DOTALL)

Row = tuple[str, ...]  # patterns of one character each: atoms


class Branch(NamedTuple):
    """One alternative."""

    taken: Row  # one or more
    behind: Row = ()  # before what is taken
    ahead: Row = ()  # after it
    flags: int = 0  # RUNS: the last one taken may come again; NOT_BEHIND, NOT_AHEAD: those must not be there


def branches_of(pattern: str | None, *, first: str = "", last: str = "") -> list[Branch] | None:
    """A pattern's branches in order, less the anchor that is `first` or `last` in each; None: not understood."""
    if not pattern:
        return []
    found = None if re.compile(pattern).flags & NO_FLAGS else alternatives(pattern)
    branches: list[Branch] = []
    for items in found or [[]]:
        if not items or (first and items[0] != (first, "")) or (last and items[-1] != (last, "")):
            return None
        for one in _without_groups(items[len(first) : len(items) - len(last)]):
            branch = _branch(one)
            if branch is None or (branch.ahead and last):
                return None
            branches.append(branch)
    return branches if len(branches) < MOST else None


def _without_groups(items: Items) -> list[Items]:
    """A group of alternatives becomes alternatives of the whole."""
    for at, (atom, _) in enumerate(items):
        if atom.startswith("(?:") and (whole := opened(items, at)) != [items]:
            return [one for some in whole for one in _without_groups(some)]
    return [items]


def _branch(items: Items) -> Branch | None:
    behind, ahead, flags = (), (), 0
    if items and (look := _LOOK.fullmatch(items[0][0])) and look[1]:
        behind, flags, items = _row(look[3]), flags | (NOT_BEHIND if look[2] == "!" else 0), items[1:]
    if items and (look := _LOOK.fullmatch(items[-1][0])) and not look[1]:
        ahead, flags, items = _row(look[3]), flags | (NOT_AHEAD if look[2] == "!" else 0), items[:-1]
    taken = _atoms(items)
    if not taken or behind is None or ahead is None or any(more for _, more in items[:-1]):
        return None
    if items[-1][1]:
        flags |= RUNS
    return None if flags & RUNS and ahead else Branch(taken, behind, ahead, flags)


def _row(pattern: str) -> Row | None:
    found = alternatives(pattern)
    fits = found is not None and len(found) == 1 and not any(more for _, more in found[0])
    return _atoms(found[0]) if found and fits else None


def _atoms(items: Items) -> Row | None:
    atoms = tuple(atom for atom, _ in items)
    odd = any(atom[0] == "(" or atom in "^$" or not _UNDERSTOOD.fullmatch(atom) for atom in atoms)
    return None if odd or len(atoms) > LONGEST else atoms


class Pattern(NamedTuple):
    """One pattern's branches for C."""

    branches: NDArray[np.uint16]  # [B, 5]: its first atom's place, how many are behind, taken and ahead, flags
    atoms: NDArray[np.uint16]  # of each branch in a row: behind, taken, ahead
    groups: NDArray[np.uint32]  # of a kind at the edge: where in `members` its branches begin
    members: NDArray[np.uint16]  # branches in order, then MOST


class Tables(NamedTuple):
    """Several patterns for C, and the kinds of characters that they tell apart."""

    starts: NDArray[np.uint32]  # where a run of characters of one kind begins; the first is 0
    kinds: NDArray[np.uint16]  # of each run
    bits: NDArray[np.uint64]  # [kinds, W]: which atoms take it
    prefix: Pattern
    suffix: Pattern
    infix: Pattern


def tables_of(prefix: str | None, suffix: str | None, infix: str | None) -> Tables | None:
    """The tables of a language's three patterns; None where one of them is not understood."""
    all_branches = (branches_of(prefix, first="^"), branches_of(suffix, last="$"), branches_of(infix))
    if any(branches is None for branches in all_branches):
        return None
    known = [branches or [] for branches in all_branches]
    rows = (row for branches in known for branch in branches for row in branch[:3])
    atoms = {atom: number for number, atom in enumerate(dict.fromkeys(atom for row in rows for atom in row))}
    if len(atoms) > MOST:
        return None
    starts, taken = _where_they_change(list(atoms))
    takes, kinds = np.unique(taken, axis=0, return_inverse=True)  # [kinds, atoms] bool
    padded = np.zeros((len(takes), -len(atoms) % 64 + len(atoms) or 64), bool)
    padded[:, : len(atoms)] = takes
    bits = np.packbits(padded, axis=1, bitorder="little").view("<u8")
    patterns = [
        _pattern(branches, atoms, takes, edge) for branches, edge in zip(known, (0, -1, 0), strict=True)
    ]
    return Tables(starts, kinds.reshape(-1).astype(np.uint16), bits.astype(np.uint64), *patterns)


def _where_they_change(atoms: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Where runs of characters begin that all atoms treat alike, and [runs, atoms] whether they take these.

    An atom can change only at a character that it mentions and behind it; what it does there, `re` says.
    """
    codes = {0, 0x0A, 0x0B} | {code + more for atom in atoms for code in _mentioned(atom) for more in (0, 1)}
    starts = sorted(codes - {0x110000})
    text, place = "".join(map(chr, starts)), {code: at for at, code in enumerate(starts)}
    taken = np.zeros((len(starts), len(atoms)), bool)
    for number, atom in enumerate(atoms):
        if atom[0] == "[" or atom == ".":
            taken[[found.start() for found in re.finditer(atom, text)], number] = True
        else:
            taken[place[ord(atom[-1])], number] = True
    return np.array(starts, np.uint32), taken


def _mentioned(atom: str) -> Iterable[int]:
    for four, eight, mark, plain in re.findall(_MENTIONED, atom, re.DOTALL):
        yield int(four or eight, 16) if four or eight else ord(mark or plain)


def _pattern(branches: Sequence[Branch], atoms: dict[str, int], takes: NDArray[np.bool_], edge: int) -> Pattern:
    heads: list[tuple[int, ...]] = []
    placed: list[int] = []
    for branch in branches:
        heads.append((len(placed), len(branch.behind), len(branch.taken), len(branch.ahead), branch.flags))
        placed += [atoms[atom] for atom in (*branch.behind, *branch.taken, *branch.ahead)]
    edges = takes[:, [atoms[branch.taken[edge]] for branch in branches]]  # [kinds, branches]
    members: list[int] = []
    places: dict[tuple[int, ...], int] = {}
    groups = []
    for row in edges:
        chosen = tuple(np.flatnonzero(row).tolist())
        if chosen not in places:
            places[chosen] = len(members)
            members += [*chosen, MOST]
        groups.append(places[chosen])
    return Pattern(
        np.array(heads, np.uint16).reshape(-1, 5),
        np.array(placed, np.uint16),
        np.array(groups, np.uint32),
        np.array(members, np.uint16),
    )
