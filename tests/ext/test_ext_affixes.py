"""Affixes told by the character at the edge are those that the whole pattern finds, and cost no search of the text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from asksight.ext import english
from asksight.ext.affixes import prefix_of, suffix_of

ODD = "? ! . ' ’ $ + 5 a U s m k K C ° : ) ( - = … § é 한 😀 \n ... US$ 5km 's ’S …… °C. AB. +5 ++"
PIECES = ODD.split(" ")


def texts(count: int) -> list[str]:
    chance = random.Random(7)
    return ["".join(chance.choices(PIECES, k=chance.randrange(1, 12))) for _ in range(count)]


def by_search(pattern: str) -> Callable[[str], int]:
    search = re.compile(pattern).search
    return lambda text: len(found[0]) if (found := search(text)) else 0


def test_english_prefixes_and_suffixes_are_those_of_the_whole_pattern() -> None:
    rules = english()
    assert rules.prefix is not None
    assert rules.suffix is not None
    prefix, suffix = prefix_of(rules.prefix), suffix_of(rules.suffix, rules.suffix_reach)
    whole_prefix, whole_suffix = by_search(rules.prefix), by_search(rules.suffix)
    for text in texts(5000):
        assert prefix(text) == whole_prefix(text), text
        assert suffix(text) == whole_suffix(text), text
    assert (prefix.kind("("), prefix.kind("a"), suffix.kind("?"), suffix.kind("q")) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    "pattern",
    [
        "a$",
        r"]\+$|\]$",
        r"\$]$|]]$|\]$",
        r"\.-$|--$|\-$",
        "a+$|b$",
        r"\.\.+$|\.$",
        "(?:ab|c|d+)$|(?<=x)[abc]$",
        "(?<=x)(?:a|(?:b))$",
        "(?i)a$|b$",
        "(?:a|)$",
        r"(?:\$|\+)$",
        "[^a]$",
        "[]a]$",
        ".b$",
        "a|b$",
        "a{2}$",
        r"\w$|a$",
        "ab*$",
        "(a)$",
        "(?=a)a$",
        "aa$|a$|baa$",
    ],
)
def test_any_pattern_finds_what_it_finds_by_itself(pattern: str) -> None:
    chance = random.Random(3)
    begins = "|".join("^" + branch.removesuffix("$") for branch in pattern.split("|"))
    for kind, whole in [
        (suffix_of(pattern, None), pattern),
        *([(prefix_of(begins), begins)] if _fits(begins) else []),
    ]:
        for _ in range(300):
            text = "".join(chance.choices("abcdxAB.$+]-é\n", k=chance.randrange(6)))
            assert kind(text) == by_search(whole)(text), (whole, text)


def _fits(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def test_no_pattern_finds_nothing() -> None:
    assert (prefix_of(None)("?a?"), suffix_of(None, None)("?a?")) == (0, 0)


def test_a_run_is_found_whole_however_long() -> None:
    rules = english()
    assert suffix_of(rules.suffix, rules.suffix_reach)("a" + "." * 5000) == 5000
