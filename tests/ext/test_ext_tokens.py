"""How questions are cut into tokens: some of spaCy's rules by name; all of them stand against spaCy elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from asksight.ext import PyWordTable, WordTable

TABLES = [WordTable, PyWordTable]
Table = type[WordTable] | type[PyWordTable]


def made(kind: Table, *, lower: bool = True) -> WordTable | PyWordTable:
    return kind(["<unknown 0>"], np.ones((1, 2), np.float32), lower=lower)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What colour is the bus?", ["What", "colour", "is", "the", "bus", "?"]),
        ("Isn't it the dog's?", ["Is", "n't", "it", "the", "dog", "'s", "?"]),
        ("isn’t it the dog’s", ["is", "n’t", "it", "the", "dog", "’s"]),
        ("they're we've he'll I'd I'm", ["they", "'re", "we", "'ve", "he", "'ll", "I", "'d", "I", "'m"]),
        ("can't won't shouldn't've", ["ca", "n't", "wo", "n't", "should", "n't", "'ve"]),
        ("id Id ID cannot dont?", ["i", "d", "I", "d", "ID", "can", "not", "do", "nt", "?"]),
        ("the dogs' 'bowl'", ["the", "dogs", "'", "'", "bowl", "'"]),
        ('("left-most")?!', ["(", '"', "left", "-", "most", '"', ")", "?", "!"]),
        ("3-4 x-2 T-shirt", ["3", "-", "4", "x-2", "T", "-", "shirt"]),
        ("e.g. 7a.m. U.S. Mr. bus.", ["e.g.", "7", "a.m.", "U.S.", "Mr.", "bus", "."]),
        ("x/e.g. is right", ["x", "/", "e.g.", "is", "right"]),  # put right after the cut
        ("$5 50% 3km 20°C. C++", ["$", "5", "50", "%", "3", "km", "20", "°", "C", ".", "C++"]),
        ("www.a.com/b?c me@a.org red/blue", ["www.a.com/b?c", "me@a.org", "red", "/", "blue"]),
        ("what... …??", ["what", "...", "…", "?", "?"]),
        (":) :-D <3 XD", [":)", ":-D", "<3", "XD"]),
        (
            "a  b \n c ",
            ["a", " ", "b", "\n ", "c"],
        ),  # the blank after a word is dropped, other space is a token
        (
            "  What\u00a0is\u3000it\u0085\u2003",
            ["  ", "What", "\u00a0", "is", "\u3000", "it", "\u0085\u2003"],
        ),
        ("ÉCOLE où?", ["ÉCOLE", "où", "?"]),
        ("ما هذا؟", ["ما", "هذا", "؟"]),
        ("what is 🐶🐱?", ["what", "is", "🐶", "🐱", "?"]),
        ("这是什么？", ["这是什么", "？"]),
        ("", []),
        (" ", [" "]),
        ("a\x00b \x7f", ["a\x00b", "\x7f"]),
    ],
)
def test_rules(kind: Table, question: str, expected: list[str]) -> None:
    table = made(kind)
    assert table.texts(question) == expected
    assert table.texts(question) == expected  # from what was kept of the first time
    assert table.tokens(question) == [token.lower() for token in expected]


@pytest.mark.parametrize("kind", TABLES)
def test_text_is_cut_before_it_is_lowered(kind: Table) -> None:
    assert made(kind).tokens("İSTANBUL XDD xd ISN'T") == ["i\u0307stanbul", "xdd", "xd", "isn't"]
    assert made(kind, lower=False).tokens("İSTANBUL É'S") == ["İSTANBUL", "É", "'S"]


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    ("piece", "count"), [("?", 20_000), ("a-", 39_999), ("n't ", 20_000), (".", 1), ("x" * 50, 1), ("é", 1)]
)
def test_long_texts(kind: Table, piece: str, count: int) -> None:
    assert len(made(kind).texts(piece * 20_000)) == count


@pytest.mark.parametrize("kind", TABLES)
def test_lone_surrogates_are_refused_with_their_place(kind: Table) -> None:
    for method in (made(kind).texts, made(kind).tokens):
        with pytest.raises(ValueError, match=r"lone surrogate \(U\+D800\) at character 4"):
            method("what\ud800?")


@pytest.mark.parametrize("kind", TABLES)
def test_only_str_is_a_question(kind: Table) -> None:
    with pytest.raises(TypeError, match="question 0 must be a str, not bytes"):
        made(kind).texts(b"what?")  # type: ignore[arg-type]
    assert made(kind).texts(np.str_("what?")) == ["what", "?"]
