"""The fast splitter gives the tokens of text.py's, however many are asked for, by any patterns; and in few turns."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import islice
from unittest.mock import patch

import pytest
from odd_texts import odd_texts

from asksight.ext import Rules, Splitter, english
from asksight.ext.affixes import Affix
from asksight.ext.branches import MOST_BITS, tables_of
from asksight.ext.cutting import FastSplitter, linear
from asksight.training.vectors.spacy_rules import spacy_rules

LONG = ["x" + "'" * 999, ":)=" * 333, "x" + ":)" * 499, "x" + "''......?" * 110, "(" * 1000, ">.>" * 333]
ODD = "a b x 1 . .. ... - -- ' + $ US$ km é ( ) [ ] , : °C 中 😀 \n"
MARKS = ODD.split(" ")


def mixed(count: int, *, seed: int = 7) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(MARKS, k=chance.randrange(1, 12))) for _ in range(count)]


def assert_the_same(rules: Rules, texts: list[str]) -> None:
    slow, fast = Splitter(rules), FastSplitter(rules)
    for number, text in enumerate(texts):
        tokens, most = slow.texts(text), 1 + number % 9
        assert fast.texts(text) == tokens, text
        assert fast.texts(text, most) == tokens[:most], text
        for chunk in text.split()[:3]:
            tokens, changed = slow.chunk(chunk)
            assert fast.chunk(chunk) == (tokens, changed), chunk
            assert fast.chunk(chunk, most)[0] == tokens[:most], chunk


def test_english() -> None:
    exceptions = sorted(english().exceptions)
    texts = [*islice(odd_texts(11, exceptions=exceptions), 3000), *mixed(3000), *LONG]
    texts += [f"x/{one}{other}" for one, other in zip(exceptions, exceptions[7:], strict=False)]
    assert_the_same(english(), texts)


@pytest.mark.parametrize("language", ["ca", "de", "el", "hu", "it"])  # with patterns that `re` must tell
def test_other_languages(language: str) -> None:
    rules = spacy_rules(language)
    assert_the_same(rules, [*islice(odd_texts(3, exceptions=sorted(rules.exceptions)), 500), *mixed(300)])


@pytest.mark.parametrize(
    "branches",
    [
        "a|ab",
        r"\.\.+|\.|--",
        "(?:ab|c|d+)|(?<=x)[abc]",
        "(?<!x)a|b(?!c)|(?<=1)(a|x)(?=b)",
        r"[^a]|.b",
        r"(?<=[ab]x)\+|\$]|[]a]|[\]\-x]",
        "[a-xé中]1|(?<=[^b])1",
        "aa+|a",
        r"[\u00e0-\u00ff]|[\U0001F600-\U0001F6FF]-",
        r"\w-|a{2}|b?1",
        "(?i)A|X",
        "a(?=b|x)",
        "(?:a|)b",
        "(?=a)",
    ],
)
def test_any_patterns(branches: str) -> None:
    flags, rest = re.fullmatch(r"(\(\?i\))?(.*)", branches, re.DOTALL).groups(default="")  # type: ignore[union-attr]
    rules = replace(
        english(),
        prefix=f"{flags}^(?:{rest})"
        if "(?:a|)" in rest
        else flags + re.sub(r"^|(?<=.)\|(?![^(]*\))", r"\g<0>^", rest),
        suffix=f"{flags}(?:{rest})$",
        infix=branches,
        suffix_reach=None,
    )
    assert_the_same(rules, mixed(1500))


def test_english_is_understood_and_what_would_take_too_much_memory_is_not() -> None:
    rules = english()
    assert all(pattern is not None for pattern in tables_of(rules.prefix, rules.suffix, rules.infix)[3:])
    many = "|".join(map(chr, range(0x4E00, 0x4E00 + 2000)))
    assert MOST_BITS < 2000 * 2000
    assert tables_of(None, None, many)[3:] == (None, None, None)
    assert_the_same(replace(rules, infix=many), ["a\u4e00b", "x\u4e01\u4e02y"])


@pytest.mark.parametrize("text", LONG)
def test_a_long_text_is_cut_without_a_search(text: str) -> None:
    splitter = FastSplitter(english())
    with (
        patch.object(Splitter, "_cut", side_effect=AssertionError),
        patch.object(Affix, "__call__", side_effect=AssertionError),
    ):
        assert len(splitter.texts(text, 30)) == 30


def test_chunks_are_cut_as_far_as_their_tokens_are_asked_for() -> None:
    splitter = FastSplitter(english())
    with patch.object(splitter, "_cut_first", wraps=splitter._cut_first) as cut:
        splitter.texts("a-b " * 250, 30)
    assert cut.call_count < 30


def test_the_url_pattern_that_is_linear_matches_the_same() -> None:
    rules, chance = english(), random.Random(5)
    assert rules.url_match is not None
    assert linear(rules.url_match) != rules.url_match  # spaCy's part is still there to be replaced
    whole, ours = re.compile(rules.url_match), re.compile(linear(rules.url_match))
    pieces = ["a", "b.de", ".", ":", "@", "://", "/", "8", "80", "http", "10.0.0.1", "-", "_", "é", " "]
    found = 0
    for _ in range(20_000):
        text = "".join(chance.choices(pieces, k=chance.randrange(1, 8)))
        assert bool(ours.match(text)) == bool(whole.match(text)), text
        found += bool(ours.match(text))
    assert found > 500
