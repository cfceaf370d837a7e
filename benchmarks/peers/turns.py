"""The turns of the comparison: the peers are asked one after the other, and all must give the same answers."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .inputs import QUESTIONS, photos
from .lineup import Started

CLOSE = 0.01  # the most that a probability may differ between peers with the same float32 graphs


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The figures of one peer in one turn."""

    asks_per_s: float
    p50_ms: float
    server_cpu_ms: float  # per ask
    caller_cpu_ms: float  # per ask


@dataclass(frozen=True, kw_only=True)
class Length:
    """The length of a run."""

    turns: int
    seconds: float
    callers: int


Ask = Callable[[Started, Length], list[float]]


def new(started: Started, length: Length) -> list[float]:
    return started.ask_new(length.callers, length.seconds)


def ten(started: Started, length: Length) -> list[float]:
    return started.ask_ten(length.callers, length.seconds)


def ten_by_hand(started: Started, length: Length) -> list[float]:
    return started.ask_ten(length.callers, length.seconds, by_hand=True)


def hold_together(started: Iterable[Started]) -> None:
    """Exit where two peers with the same work give different answers."""
    asked = [(photo, question) for photo in photos()[:2] for question in QUESTIONS[:4]]
    first: Started | None = None
    for one in started:
        if one.peer.work != "vqa" or one.peer.protocol == "loop":
            continue
        found = [one.answers(*ask)[0] for ask in asked]
        if first is None:
            first, expected = one, found
            continue
        same = [label == wanted for (label, _), (wanted, _) in zip(found, expected, strict=True)]
        off = max(abs(got - want) for (_, got), (_, want) in zip(found, expected, strict=True))
        if one.peer.engine == "auto":
            if not all(same):
                print(
                    f"{one.peer.name}: {same.count(False)} of {len(same)} best answers differ",
                    file=sys.stderr,
                )
        elif not all(same) or off > CLOSE:
            raise SystemExit(
                f"{one.peer.name} and {first.peer.name} do not answer the same: {found}, {expected}"
            )


def by_turns(asking: Sequence[tuple[Started, Ask]], length: Length) -> list[list[Turn]]:
    """The turns of each peer. The first round is a warm-up and is left out."""
    found: list[list[Turn]] = [[] for _ in asking]
    for number in range(length.turns + 1):
        for (one, ask), turns in zip(asking, found, strict=True):
            turn = one_turn(one, ask, length)
            if number:
                turns.append(turn)
    return found


def one_turn(one: Started, ask: Ask, length: Length) -> Turn:
    if one.peer.spins:
        one.tree.pause(False)
    server_s, caller_s, began_s = one.tree.cpu_s(), time.process_time(), time.perf_counter()
    took_s = sorted(ask(one, length))
    lasted_s, caller_s = time.perf_counter() - began_s, time.process_time() - caller_s
    turn = Turn(
        asks_per_s=len(took_s) / lasted_s,
        p50_ms=1e3 * statistics.median(took_s),
        server_cpu_ms=1e3 * (one.tree.cpu_s() - server_s) / len(took_s),
        caller_cpu_ms=1e3 * caller_s / len(took_s),
    )
    if one.peer.spins:
        one.tree.pause()
    return turn
