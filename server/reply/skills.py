"""What people ask for and what this model is not made for: recognised by the patterns of a data file.

A question that is recognised is answered with what the assistant cannot do, unless the bundle declares the skill.
Patterns are for English, as the questions are. How often they speak up on real questions is measured by
benchmarks/false_alarms.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain

from ..asks import Skill


def missing_skill(
    question: str, declared: Collection[str] = (), *, dates_are_read: bool = False
) -> Skill | None:
    """The skill that the question asks for and that is not declared; None where there is none.

    `dates_are_read`: to say by when something is to be used is to read it.
    """
    return next((skill for skill in _asked_for(question, dates_are_read) if skill not in declared), None)


@lru_cache(maxsize=1024)  # people ask much the same; the patterns take 14 µs
def _asked_for(question: str, dates_are_read: bool) -> tuple[Skill, ...]:
    # Marks at the end, which patterns would look past from every place that a hostile question has for it.
    text = " ".join(question.lower().replace("’", "'").split()).rstrip(" ?.!")
    whole, patterns = _patterns(dates_are_read)
    if not whole.search(text):
        return ()
    return tuple(skill for skill, pattern in patterns if pattern.search(text))


@cache
def _patterns(dates_are_read: bool) -> tuple[re.Pattern[str], list[tuple[Skill, re.Pattern[str]]]]:
    """One pattern of all, which most questions do not fit, and those of each skill, the most dangerous first."""
    tree = tomllib.loads((files("asksight.server.reply") / "skills.toml").read_text(encoding="utf-8"))
    unread = "dates_with_a_reader" if dates_are_read else "dates_without_a_reader"
    tree[Skill.MEDICINE]["patterns"] += tree[Skill.MEDICINE][unread]
    patterns = [(Skill(name), said["patterns"]) for name, said in tree.items()]
    whole = re.compile(_joined(chain.from_iterable(each for _, each in patterns)))
    return whole, [(skill, re.compile(_joined(each))) for skill, each in patterns]


def _joined(patterns: Iterable[str]) -> str:
    """One pattern for all; what they begin with is tried once for all, which is a third of the time."""
    by_start: dict[str, list[str]] = {}
    for pattern in patterns:
        start = next((one for one in ("\\b", "^") if pattern.startswith(one)), "")
        by_start.setdefault(start, []).append(f"(?:{pattern.removeprefix(start)})")
    return "|".join(f"{start}(?:{'|'.join(group)})" for start, group in by_start.items())
