"""What a question means that is about the turn before it: say it again, spell it, are you sure, what colour is it.

Pure, and stateless: the caller sends the turn before along. A question is taken for another one only where that is
certain; else it is left as it is. What it is taken for is then asked like any question, with all checks.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ..asks import Manner
from .skills import missing_skill

LONGEST_ANSWER = 40  # characters of an answer that may name a thing

_LEADING = re.compile(
    r"^(?:(?:and|so|but|then|ok|okay|well|now|please|hey|und|bitte|y|por favor|और|कृपया)[ ,]+)+"
)
_TRAILING = re.compile(r"(?:[ ,]{1,2}(?:please|then|now|bitte|por favor))+$")

_MOST = r"(?:what|which) (?:colou?r|shape|size|kind|type|material)"
_MEASURE = r"how (?:big|large|small|tall|long|wide|high)"
_COLOURS = "red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|teal|cyan|golden|silver"
_SIZES = "big|large|small|little|tiny|huge|tall|short|long|wide|round|square|open|closed|empty|full|on|off"
_KIND = rf"(?:{_COLOURS}|{_SIZES})"
_BESIDE = "left of|right of|above|below|under|over|behind|beside|near|next to|in front of|on top of|inside"

# Where "it" can only be the thing that was talked about: not "is it raining", "what time is it", "what is it".
_ABOUT_IT = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^(?:{_MOST}|{_MEASURE}|where) is (?P<it>it|that one|this one)$",
        rf"^is (?P<it>it|that one|this one) {_KIND}(?: or {_KIND})?$",
        r"^what is (?P<it>it|that one|this one) made of$",
        rf"^(?:what|which|who|is there|are there|how many)\b.* (?:{_BESIDE}) (?P<it>it|that one|this one)$",
    )
)
_ITS = re.compile(
    r"^(?:(?:what|how) about )?(?:what(?:'s| is) its|its|the|what|which) (?P<what>colou?r|shape|size)$"
)
_OTHER = re.compile(r"^(?:(?:what|how) about )?(?P<other>the (?:[a-z]+ ){0,2}[a-z]+)$")

# What a question is about: "the …", of up to three words.
_THING = r"(?P<thing>the (?:[a-z]+ ){0,2}[a-z]+)"
_OF_THE_THING = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^(?:{_MOST}|{_MEASURE}|where) is {_THING}$",
        rf"^is {_THING} {_KIND}(?: or {_KIND})?$",
        r"^what(?:'s| is) (?P<thing>the (?:[a-z]+ ){0,2}(?:thing|object|shape|item|one))$",
    )
)
_PICTURE = r"(?:the|this) (?:picture|photo|image|scene)"
_IS_THERE = re.compile(
    rf"^(?:is there|do you see|can you see|does {_PICTURE} (?:show|contain|have)) (?:an?|any) "
    rf"(?P<thing>(?:[a-z]+ ){{0,2}}[a-z]+?)(?: (?:in|on) {_PICTURE}| here| there)?$"
)
_NAME_IT = re.compile(
    rf"^(?:what(?:'s| is) (?:this|that|it|this thing|that thing|in {_PICTURE})|what do you see"
    r"|(?:what|which) (?:shape|object|thing|animal|item) is (?:this|that|it))$"
)
_NAME = re.compile(r"^(?:(?:an?|the) )?(?P<name>[a-z]+(?: [a-z]+){0,2})$")
_NO_NAMES = re.compile(rf"^(?:yes|no|none|nothing|unanswerable|unknown|zero|one|two|three|many|{_KIND})$")
_NO_THING = re.compile(
    r"\b(?:and|or|not|is|are|it|this|that|these|those|there|of|in|on|at|same|other"
    r"|(?!(?:thing|ring|earring|king|wing|string|spring|building|ceiling|painting|clothing)\b)\w+ing)\b"
)


class Meaning(NamedTuple):
    """What a question is taken for, and how that is to be answered."""

    question: str
    manner: Manner


def meaning(question: str, previous_question: str, previous_answer: str = "") -> Meaning | None:
    """What a question means after the turn before it, whose answer is empty where it was not ANSWERED.

    None where it means what it says, or where that is not certain.
    """
    said = _plain(question)
    for manner, pattern in _about_the_turn().items():
        if pattern.fullmatch(said):
            return Meaning(previous_question, manner)
    if missing_skill(question) is not None:  # that is said of the question as it was asked
        return None
    before = _plain(previous_question)
    taken_for = _about_the_thing(said, before, previous_answer)
    return None if taken_for is None else Meaning(f"{taken_for}?", Manner.NAMED)


def refers_back(question: str) -> bool:
    """Whether a turn before may say what the question means."""
    said = _plain(question)
    return (
        any(pattern.fullmatch(said) for pattern in _about_the_turn().values())
        or leaves_open(question)
        or _OTHER.match(said) is not None
    )


def leaves_open(question: str) -> bool:
    """Whether it is about a thing that only a turn before could name: "what colour is it" of a photo with several."""
    said = _plain(question)
    return _ITS.match(said) is not None or _it(said) is not None


def _it(said: str) -> re.Match[str] | None:
    return next((found for pattern in _ABOUT_IT if (found := pattern.match(said))), None)


def _about_the_thing(said: str, before: str, answer: str) -> str | None:
    its, it = _ITS.match(said), _it(said)
    if its is not None or it is not None:
        thing = _thing(before, answer)
        if thing is None:
            return None
        if its is not None:
            return f"what {its['what']} is {thing}"
        return it and f"{said[: it.start('it')]}{thing}{said[it.end('it') :]}"
    other, thing = _OTHER.match(said), _thing_of_the_question(before)
    if other is None or thing is None or _NO_THING.search(other["other"]):
        return None
    return before.replace(thing, other["other"], 1)


def _thing(before: str, answer: str) -> str | None:
    """What the turn was about, as "the red star"; None where that is not certain."""
    thing = _thing_of_the_question(before)
    if thing is not None:
        return thing
    told = answer.lower() if len(answer) <= LONGEST_ANSWER else ""
    there = _IS_THERE.match(before)
    if there is not None and told in ("yes", "no") and not _NO_THING.search(there["thing"]):
        return f"the {there['thing']}"
    name = _NAME.match(told) if _NAME_IT.match(before) else None
    if name is None or _NO_NAMES.match(name["name"]) or _NO_THING.search(name["name"]):
        return None
    return f"the {name['name']}"


def _thing_of_the_question(before: str) -> str | None:
    found = next((found for pattern in _OF_THE_THING if (found := pattern.match(before))), None)
    return None if found is None or _NO_THING.search(found["thing"]) else found["thing"]


def _plain(question: str) -> str:
    """In lower case, without marks at its end and words that only lead over."""
    text = " ".join(question.lower().replace("’", "'").strip(" \t\r\n¿¡?!.,…।").split())
    return _TRAILING.sub("", _LEADING.sub("", text)) or text


@cache
def _about_the_turn() -> dict[Manner, re.Pattern[str]]:
    text = (files("asksight.server.reply") / "follow_ups.toml").read_text(encoding="utf-8")
    return {
        Manner(manner): re.compile(
            "|".join(f"(?:{pattern})" for patterns in told.values() for pattern in patterns)
        )
        for manner, told in tomllib.loads(text).items()
    }
