"""Affixes told by the character at the edge are those that the whole pattern finds, and cost no search of the text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from unittest.mock import patch

import pytest

from asksight.ext import Splitter, english
from asksight.ext.affixes import Affix, prefix_of, suffix_of
from asksight.ext.text import _linear

ODD = "? ! . ' ’ $ + 5 a U s m k K C ° : ) ( - = … § é 한 😀 \n ... US$ 5km 's ’S …… °C. AB. +5 ++"
PIECES = ODD.split(" ")
LONG = ["x" + "'" * 999, ":)=" * 333, "x" + ":)" * 499, "x" + "''......?" * 110, "(" * 1000]


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


@pytest.mark.parametrize("text", LONG)
def test_a_long_text_is_cut_in_few_turns(text: str) -> None:
    splitter, calls = Splitter(english()), 0
    call = Affix.__call__

    def counting(affix: Affix, seen: str) -> int:
        nonlocal calls
        calls += 1
        return call(affix, seen)

    with patch.object(Affix, "__call__", counting):
        splitter.texts(text, 30)
    assert calls < 800


@pytest.mark.parametrize("most", [1, 2, 7, 30])
def test_the_first_tokens_are_those_of_the_whole_text(most: int) -> None:
    splitter = Splitter(english())
    for text in [*LONG, "x/e.g. " * 50, "x/e.g." * 50, *texts(500)]:
        assert splitter.texts(text, most) == splitter.texts(text)[:most]


def test_the_url_pattern_that_is_linear_matches_the_same() -> None:
    rules, chance = english(), random.Random(5)
    assert rules.url_match is not None
    linear = _linear(rules.url_match)
    assert linear != rules.url_match  # spaCy's part is still there to be replaced
    whole, ours = re.compile(rules.url_match), re.compile(linear)
    pieces = ["a", "b.de", ".", ":", "@", "://", "/", "8", "80", "http", "10.0.0.1", "-", "_", "é", " "]
    found = 0
    for _ in range(20_000):
        text = "".join(chance.choices(pieces, k=chance.randrange(1, 8)))
        assert bool(ours.match(text)) == bool(whole.match(text)), text
        found += bool(ours.match(text))
    assert found > 500
