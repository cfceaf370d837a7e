"""How questions are cut into tokens; each rule holds in the compiled table and in its twin."""

from __future__ import annotations

import numpy as np
import pytest

from asksight.ext import PyWordTable, WordTable

TABLES = [WordTable, PyWordTable]
Table = type[WordTable] | type[PyWordTable]


def tokens(kind: Table, question: str, *, lower: bool = True) -> list[str]:
    return kind(["<unknown 0>"], np.ones((1, 2), np.float32), lower=lower).tokens(question)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What colour is the bus?", ["what", "colour", "is", "the", "bus", "?"]),
        ("  What\tis\nit \u00a0\u3000?\x1f", ["what", "is", "it", "?"]),
        ("Isn't it the dog's?", ["is", "n't", "it", "the", "dog", "'s", "?"]),
        ("isn’t it the dog’s", ["is", "n’t", "it", "the", "dog", "’s"]),
        ("they're we've he'll I'd I'm", ["they", "'re", "we", "'ve", "he", "'ll", "i", "'d", "i", "'m"]),
        ("shouldn't've", ["should", "n't", "'ve"]),
        ("can't won't", ["ca", "n't", "wo", "n't"]),
        ("is n't the dog 's n't?", ["is", "n't", "the", "dog", "'s", "n't", "?"]),
        ("the dogs' bowl", ["the", "dogs", "'", "bowl"]),
        ("what's'?", ["what", "'s", "'", "?"]),
        ("'s's ('s) 'n't", ["'s", "'s", "(", "'s", ")", "'", "n't"]),
        ('("left-most")?!', ["(", '"', "left", "-", "most", '"', ")", "?", "!"]),
        ("state-of-the-art", ["state", "-", "of", "-", "the", "-", "art"]),
        ("3-4 x-2 2-x a--b -a- -", ["3", "-", "4", "x-2", "2-x", "a--b", "-", "a", "-", "-"]),
        ("left–most", ["left", "–", "most"]),
        ("...", [".", ".", "."]),
        ("$5 50% a.b red/blue", ["$", "5", "50", "%", "a.b", "red/blue"]),
        ("ÉCOLE où?", ["école", "où", "?"]),
        ("¿qué?", ["¿", "qué", "?"]),
        ("ما هذا؟", ["ما", "هذا", "؟"]),
        ("what is 🐶🐱?", ["what", "is", "🐶", "🐱", "?"]),
        ("这是什么？", ["这是什么", "？"]),
        ("", []),
        (" \t\r\n\u2028", []),
        ("a\x00b \x7f", ["a\x00b", "\x7f"]),
    ],
)
def test_rules(kind: Table, question: str, expected: list[str]) -> None:
    assert tokens(kind, question) == expected


@pytest.mark.parametrize("kind", TABLES)
def test_upper_case_is_kept_when_asked(kind: Table) -> None:
    assert tokens(kind, "ISN'T É'S", lower=False) == ["IS", "N'T", "É", "'S"]


@pytest.mark.parametrize("kind", TABLES)
def test_a_long_question_takes_time_in_proportion(kind: Table) -> None:
    question = "?" * 100_000 + "n't" * 100_000 + "a-" * 100_000 + "’"
    assert len(tokens(kind, question)) > 300_000


@pytest.mark.parametrize("kind", TABLES)
def test_lone_surrogates_are_refused_with_their_place(kind: Table) -> None:
    with pytest.raises(ValueError, match=r"lone surrogate \(U\+D800\) at character 4"):
        tokens(kind, "what\ud800?")


@pytest.mark.parametrize("kind", TABLES)
def test_only_str_is_a_question(kind: Table) -> None:
    with pytest.raises(TypeError, match="question 0 must be a str, not bytes"):
        tokens(kind, b"what?")  # type: ignore[arg-type]
    assert tokens(kind, np.str_("what?")) == ["what", "?"]
