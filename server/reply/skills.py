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

from ..asks import Skill


def missing_skill(question: str, declared: Collection[str] = ()) -> Skill | None:
    """The skill that the question asks for and that is not declared; None where there is none."""
    return next((skill for skill in _asked_for(question) if skill not in declared), None)


@lru_cache(maxsize=1024)  # people ask much the same; the patterns take 17 µs
def _asked_for(question: str) -> tuple[Skill, ...]:
    # Marks at the end, which patterns would look past from every place that a hostile question has for it.
    text = " ".join(question.lower().replace("’", "'").split()).rstrip(" ?.!")
    return tuple(skill for skill, pattern in _patterns() if pattern.search(text))


@cache
def _patterns() -> list[tuple[Skill, re.Pattern[str]]]:
    tree = tomllib.loads((files("asksight.server.reply") / "skills.toml").read_text(encoding="utf-8"))
    return [(skill, re.compile(_joined(tree[skill]["patterns"]))) for skill in Skill]


def _joined(patterns: Iterable[str]) -> str:
    """One pattern for all; what they begin with is tried once for all, which is a third of the time."""
    by_start: dict[str, list[str]] = {}
    for pattern in patterns:
        start = next((one for one in ("\\b", "^") if pattern.startswith(one)), "")
        by_start.setdefault(start, []).append(f"(?:{pattern.removeprefix(start)})")
    return "|".join(f"{start}(?:{'|'.join(group)})" for start, group in by_start.items())
