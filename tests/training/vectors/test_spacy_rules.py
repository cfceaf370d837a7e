"""Rules out of spaCy, and what is proved of them so that the compiled table may take short cuts."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import spacy

from asksight.ext import Splitter, english, read_rules
from asksight.training.errors import ExportError
from asksight.training.vectors.rule_proofs import LETTERS, branches, can_match, plain_ends, suffix_reach
from asksight.training.vectors.spacy_rules import rules_of, spacy_rules, write_rules

NONE: dict[str, str | None] = dict.fromkeys(("prefix", "suffix", "infix", "token_match", "url_match"))
NOTHING: frozenset[str] = frozenset()


def test_the_rules_that_we_ship_are_spacys(tmp_path: Path) -> None:
    write_rules(tmp_path / "english.json")
    made = read_rules(tmp_path / "english.json")
    assert re.match(r"spaCy 3\.8\.\d+, en", english().source)
    if version("spacy").startswith("3.8."):
        assert {**vars(made), "source": ""} == {**vars(english()), "source": ""}
    assert english().plain_ends is not None
    assert set("?,!") <= set(english().plain_ends or "")
    assert english().suffix_reach == 5


@pytest.mark.parametrize(
    ("language", "message"), [("xx-none", "cannot make a tokenizer"), ("zh", "not made of rules")]
)
def test_a_language_without_rules_is_refused(language: str, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        spacy_rules(language)


def test_flags_go_with_their_pattern() -> None:
    tokenizer: Any = spacy.blank("en").tokenizer
    tokenizer.token_match = re.compile("(?u)abc-d", re.IGNORECASE | re.DOTALL).match
    rules = rules_of(tokenizer, source="test")
    assert rules.token_match == "(?is)(?u)abc-d"
    assert rules.plain_ends is None
    assert Splitter(rules).texts("x ABC-D") == ["x", "ABC-D"]


@pytest.mark.parametrize(
    ("pattern", "letters_match"),
    [
        ("a", True),
        ("é", False),
        ("[0-9é]", False),
        ("[^0-9]", True),
        ("(?:ab|1)c", True),
        ("(?<=[0-9])km", False),
        ("(?<![0-9])km", True),
        ("x1*", True),
        ("x1+", False),
        (r"\w\d", False),
        (r"\w\s?", True),
        (".", True),
        ("(?:(?i:é))", True),  # flags inside are not looked into
        ("(a)1", False),
    ],
)
def test_what_letters_alone_can_match(pattern: str, letters_match: bool) -> None:
    assert any(can_match(branch, LETTERS) for branch in branches(pattern)) is letters_match


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({"suffix": r"\?$|!$"}, "!?"),
        ({"suffix": r"\?$|a\?$"}, ""),  # it may take a letter with it
        ({"suffix": r"(?<=[a-z])\?$"}, ""),  # not after each letter
        ({"suffix": r"\?"}, ""),  # may stand anywhere
        ({"suffix": r"\?$", "prefix": r"^\?|^a\?"}, ""),
        ({"suffix": r"\?$", "prefix": r"^\?"}, "?"),
        ({"suffix": r"\?$", "prefix": r"\?"}, ""),
        ({"suffix": r"\?$", "token_match": r"a\?"}, ""),
        ({"suffix": r"\?$", "url_match": r"a\?"}, "?"),  # is asked when the mark is off
        ({"suffix": r"\?$", "infix": "b"}, None),
        ({"suffix": r"(?i)\?$"}, None),
    ],
)
def test_marks_that_always_end_a_plain_word(changes: dict[str, str], ends: str | None) -> None:
    assert plain_ends(NONE | changes, [], NOTHING) == ends


def test_exceptions_may_forbid_the_short_cut() -> None:
    patterns = NONE | {"suffix": r"\?$"}
    assert plain_ends(patterns, ["z. B."], NOTHING) is None
    assert plain_ends(patterns, [" ", "a.b"], frozenset("?")) == ""


@pytest.mark.parametrize(
    ("pattern", "reach"),
    [
        (None, 1),
        (r"\?$|'s$", 2),
        (r"\.\.+$|(?<=[0-9])(?:km|m²)$", 2),
        (r"\.{3,}$", 3),
        (r"a\.+$", None),
        (r"[.,]+$", 1),
        (r"\.{2,4}$", 4),
        (r"(?<=a)\.+$", None),
        (r"(ab)+$", None),
        (r"(abc)$|\.*$", None),
        (r"(abc)$", 3),
        (r"\?", None),
    ],
)
def test_how_far_from_its_end_a_text_tells_its_suffix(pattern: str | None, reach: int | None) -> None:
    assert suffix_reach(pattern) == reach
