"""Patterns as alternatives of characters in a row, in tables that C reads (branches.h).

spaCy's affixes and infixes are hundreds of alternatives that are hardly more than a class of characters each, perhaps
with others before or behind it. Characters that all classes of all patterns treat alike are one kind, and whether a
kind is in a class is one bit. A pattern that is not of that form is left to `re`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .affixes import NO_FLAGS, Items, alternatives, opened

MOST = 0xFFFF  # atoms
MOST_BITS = 1 << 20  # of a table; English has a third of that. So there are at most 2^16 kinds
LONGEST = 0xFF  # atoms in a row
RUNS, NOT_BEHIND, NOT_AHEAD = 1, 2, 4  # flags of a branch, as in branches.h
# What a class mentions. Classes of another form are not understood, as those with \w: it does not say where it changes.
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
    return branches


def _without_groups(items: Items) -> list[Items]:
    """A group of alternatives becomes alternatives of the whole."""
    for at, (atom, _) in enumerate(items):
        if atom[0] == "(" and (whole := opened(items, at)) != [items]:
            return [one for some in whole for one in _without_groups(some)]
    return [items]


def _branch(items: Items) -> Branch | None:
    behind: Row | None = ()
    ahead: Row | None = ()
    flags = 0
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

    branches: NDArray[
        np.uint16
    ]  # [B, 5]: its first atom's place, how many are behind, taken and ahead, flags
    atoms: NDArray[np.uint16]  # of each branch in a row: behind, taken, ahead
    groups: NDArray[np.uint32]  # of a kind at the edge: where in `members` its branches begin
    members: NDArray[np.uint16]  # branches in order, then MOST


class Tables(NamedTuple):
    """Several patterns for C, and the kinds of characters that they tell apart."""

    starts: NDArray[np.uint32]  # where a run of characters of one kind begins; the first is 0
    kinds: NDArray[np.uint16]  # of each run
    bits: NDArray[np.uint64]  # [kinds, W]: which atoms take it
    prefix: Pattern | None  # None: not understood
    suffix: Pattern | None
    infix: Pattern | None


def tables_of(prefix: str | None, suffix: str | None, infix: str | None) -> Tables:
    """The tables of a language's three patterns."""
    known = [branches_of(prefix, first="^"), branches_of(suffix, last="$"), branches_of(infix)]
    rows = (row for branches in known for branch in branches or () for row in branch[:3])
    atoms = {atom: number for number, atom in enumerate(dict.fromkeys(atom for row in rows for atom in row))}
    starts = _where_they_change(atoms)
    if len(atoms) > MOST or len(atoms) * len(starts) > MOST_BITS:
        known, atoms, starts = [None] * 3, {}, [0]
    taken = _takes(starts, atoms)
    packed = np.packbits(taken, axis=1, bitorder="little")
    kinds: dict[bytes, int] = {}  # by their bits
    of_runs = [kinds.setdefault(row.tobytes(), len(kinds)) for row in packed]
    takes = np.zeros((len(kinds), len(atoms)), bool)
    takes[of_runs] = taken
    bits = np.zeros((len(kinds), len(atoms) // 64 + 1), "<u8")
    bits.view(np.uint8)[of_runs, : packed.shape[1]] = packed
    patterns = [
        None if branches is None else _pattern(branches, atoms, takes, edge)
        for branches, edge in zip(known, (0, -1, 0), strict=True)
    ]
    return Tables(
        np.array(starts, np.uint32), np.array(of_runs, np.uint16), bits.astype(np.uint64), *patterns
    )


def _where_they_change(atoms: Iterable[str]) -> list[int]:
    """Where runs of characters begin that all atoms treat alike: an atom changes at what it mentions, and behind."""
    codes = {code + more for atom in (*atoms, "\0", "\n") for code in _mentioned(atom) for more in (0, 1)}
    return sorted(codes - {0x110000})


def _takes(starts: Sequence[int], atoms: Mapping[str, int]) -> NDArray[np.bool_]:
    """[runs, atoms]: which atoms take the characters of a run; what they do with its first one, `re` says."""
    text, place = "".join(map(chr, starts)), {code: at for at, code in enumerate(starts)}
    taken = np.zeros((len(starts), len(atoms)), bool)
    for atom, number in atoms.items():
        if atom[0] == "[" or atom == ".":
            taken[[found.start() for found in re.finditer(atom, text)], number] = True
        else:
            taken[place[ord(atom[-1])], number] = True
    return taken


def _mentioned(atom: str) -> Iterator[int]:
    for four, eight, mark, plain in re.findall(_MENTIONED, atom, re.DOTALL):
        yield int(four or eight, 16) if four or eight else ord(mark or plain)


def _pattern(
    branches: Sequence[Branch], atoms: Mapping[str, int], takes: NDArray[np.bool_], edge: int
) -> Pattern | None:
    heads: list[tuple[int, ...]] = []
    placed: list[int] = []
    for branch in branches:
        heads.append((len(placed), len(branch.behind), len(branch.taken), len(branch.ahead), branch.flags))
        placed += [atoms[atom] for atom in (*branch.behind, *branch.taken, *branch.ahead)]
    if len(placed) > MOST or len(takes) * len(branches) > MOST_BITS:
        return None
    members: list[int] = []
    places: dict[tuple[int, ...], int] = {}  # branches → where they begin in `members`
    groups = []
    for row in takes[:, [atoms[branch.taken[edge]] for branch in branches]]:
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
