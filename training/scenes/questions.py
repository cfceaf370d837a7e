"""The questions that a scene allows, with their answers: a pure function for each family of questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from random import Random

from .scene import COLOURS, SHAPES, SIZES, Scene, Thing, is_beside
from .wordings import SIDES, Description, say_size

UNANSWERABLE = "unanswerable"
YES_NO = ("no", "yes")
ANYTHING: Description = (None, None, None)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A question before it is put into words. With `only`, its wording must contain one of these words."""

    style: str  # key into WORDINGS
    answer: str
    first: Description = ANYTHING
    second: Description | None = None
    words: dict[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()


class Facts:
    """A scene, indexed by all descriptions that fit its things."""

    def __init__(self, scene: Scene, random: Random) -> None:
        self.things = scene.things
        self.random = random
        self.counts: Counter[Description] = Counter()
        meant: dict[Description, Thing] = {}
        for thing in scene.things:
            for keep in product((False, True), repeat=3):
                described = tuple(
                    part if kept else None
                    for part, kept in zip((thing.size, thing.colour, thing.shape), keep, strict=True)
                )
                self.counts[described] += 1  # type: ignore[index]
                meant[described] = thing  # type: ignore[index]
        self.unique = {d: t for d, t in meant.items() if self.counts[d] == 1 and d != ANYTHING}

    def referents(self, *, without: int | None = None) -> list[tuple[Description, Thing]]:
        """Descriptions that fit exactly one thing, in random order; they leave out part number `without`."""
        found = [(d, t) for d, t in self.unique.items() if without is None or d[without] is None]
        self.random.shuffle(found)
        return found

    def absent(self, *, without: int | None = None) -> Description:
        """A description that fits nothing in the scene."""
        while True:
            described = self.anyhow(without=without)
            if not self.counts[described]:
                return described

    def anyhow(self, *, without: int | None = None) -> Description:
        """A random description, which may or may not fit something in the scene."""
        while True:
            keep = [self.random.random() < share for share in (0.25, 0.6, 0.6)]
            if without is not None:
                keep[without] = False
            if any(keep):
                parts = [self.random.choice(p) if k else None for p, k in zip(_PARTS, keep, strict=True)]
                return (parts[0], parts[1], parts[2])


_PARTS = (SIZES, COLOURS, SHAPES)
_STYLES = ("size", "colour", "shape")


def _named(part: int) -> Callable[[Facts], Iterator[Candidate]]:
    """Questions about one part (colour, shape or size) of the thing that the other parts describe."""

    def family(facts: Facts) -> Iterator[Candidate]:
        style = _STYLES[part]
        for described, thing in facts.referents(without=part):
            yield Candidate(style=style, answer=getattr(thing, style), first=described)
        yield Candidate(style=style, answer=UNANSWERABLE, first=facts.absent(without=part))

    return family


def _count(facts: Facts) -> Iterator[Candidate]:
    yield Candidate(style="count", answer=str(len(facts.things)))
    for described, count in facts.counts.items():
        yield Candidate(style="count", answer=str(count), first=described)
    yield Candidate(style="count", answer="0", first=facts.absent())


def _existence(facts: Facts) -> Iterator[Candidate]:
    present = [d for d in facts.counts if d != ANYTHING]
    yield Candidate(style="existence", answer="yes", first=facts.random.choice(present))
    # A description that fits nothing, but differs from a fitting one in a single word.
    near = list(facts.random.choice(present))
    said = facts.random.choice([i for i, part in enumerate(near) if part is not None])
    near[said] = facts.random.choice(_PARTS[said])
    missed: Description = (near[0], near[1], near[2])
    if facts.counts[missed] or facts.random.random() < 0.3:
        missed = facts.absent()
    yield Candidate(style="existence", answer="no", first=missed)


def _attribute(facts: Facts) -> Iterator[Candidate]:
    part = facts.random.choices((0, 1, 2), (1, 2, 2))[0]
    style, among = _STYLES[part], _PARTS[part]
    described = [(d, getattr(t, style)) for d, t in facts.referents(without=part)]
    described.append((facts.absent(without=part), None))
    for first, truth in described:
        for claim in (truth or facts.random.choice(among), facts.random.choice(among)):
            answer = UNANSWERABLE if truth is None else YES_NO[claim == truth]
            word = say_size(facts.random, claim) if part == 0 else claim
            yield Candidate(style=f"attribute.{style}", answer=answer, first=first, words={style: word})


def _pairs(facts: Facts, *, without: int | None = None) -> Iterator[tuple[Description, Description]]:
    """Pairs of descriptions of two different things; now and then one of them fits nothing."""
    found = facts.referents(without=without)[:6]
    for (first, thing), (second, other) in product(found, found):
        if thing is not other:
            yield first, second
    if found:
        pair = (found[0][0], facts.absent(without=without))
        yield pair if facts.random.random() < 0.5 else (pair[1], pair[0])


# "Left" and "above" are asked about twice as often as their opposites. If all were equally common, neither the word nor
# the place of a thing alone would say anything about the answer, only both together, and training hardly finds that.
_SAID = (2, 1)


def _beside(family: str, directions: dict[str, tuple[str, ...]]) -> Callable[[Facts], Iterator[Candidate]]:
    """Left and right, or above and below; `directions` has the words by which a wording names each of them."""

    def ask(facts: Facts) -> Iterator[Candidate]:
        for first, second in _pairs(facts):
            direction = facts.random.choices(tuple(directions), _SAID)[0]
            thing, other = facts.unique.get(first), facts.unique.get(second)
            answer = UNANSWERABLE
            if thing is not None and other is not None:
                beside = is_beside(thing, other, direction)
                if beside is None:
                    continue
                answer = YES_NO[beside]
            yield Candidate(
                style=family, answer=answer, first=first, second=second, only=directions[direction]
            )

    return ask


def _neighbour(facts: Facts) -> Iterator[Candidate]:
    """Questions about the only thing on one side of another."""
    for described, thing in facts.referents():
        for direction, said in SIDES.items():
            beside = [(o, is_beside(o, thing, direction)) for o in facts.things if o is not thing]
            hits = [o for o, is_it in beside if is_it]
            if len(hits) == 1 and all(is_it is not None for _, is_it in beside):
                style = facts.random.choice(("shape", "colour"))
                words = {"side": facts.random.choice(said)}
                answer = getattr(hits[0], style)
                yield Candidate(style=f"neighbour.{style}", answer=answer, first=described, words=words)
    words = {"side": facts.random.choice(SIDES[facts.random.choice(tuple(SIDES))])}
    style = facts.random.choice(("shape", "colour"))
    yield Candidate(style=f"neighbour.{style}", answer=UNANSWERABLE, first=facts.absent(), words=words)


def _bigger(facts: Facts) -> Iterator[Candidate]:
    for first, second in _pairs(facts, without=0):
        bigger = facts.random.random() < 0.5
        thing, other = facts.unique.get(first), facts.unique.get(second)
        answer = UNANSWERABLE
        if thing is not None and other is not None:
            if thing.size == other.size:
                continue
            answer = YES_NO[(thing.size == "large") == bigger]
        only = ("bigger", "larger") if bigger else ("smaller",)
        yield Candidate(style="bigger", answer=answer, first=first, second=second, only=only)


def _compare(facts: Facts) -> Iterator[Candidate]:
    part = facts.random.choice((1, 2))
    groups: list[Description] = [(None, p, None) if part == 1 else (None, None, p) for p in _PARTS[part]]
    present = [g for g in groups if facts.counts[g]]
    absent = [g for g in groups if not facts.counts[g]]
    among = present + facts.random.sample(absent, 1)
    for first, second in product(among, among):
        if first == second:
            continue
        how = facts.random.choice(("more", "fewer", "as many"))
        one, two = facts.counts[first], facts.counts[second]
        truth = {"more": one > two, "fewer": one < two, "as many": one == two}[how]
        yield Candidate(style="compare", answer=YES_NO[truth], first=first, second=second, only=(how,))


def _identify(facts: Facts) -> Iterator[Candidate]:
    if len(facts.things) == 1:
        yield Candidate(style="identify", answer=facts.things[0].shape)


FAMILIES: dict[str, Callable[[Facts], Iterator[Candidate]]] = {
    "colour": _named(1),
    "shape": _named(2),
    "size": _named(0),
    "count": _count,
    "existence": _existence,
    "attribute": _attribute,
    "horizontal": _beside("horizontal", {"left": ("left",), "right": ("right",)}),
    "vertical": _beside(
        "vertical", {"above": ("above", "over", "higher"), "below": ("below", "under", "lower")}
    ),
    "neighbour": _neighbour,
    "bigger": _bigger,
    "compare": _compare,
    "identify": _identify,
}
