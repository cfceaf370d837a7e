"""The compiled table of word pieces and its Python twin give the same for any text, from any number of threads."""

from __future__ import annotations

import itertools
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asksight.ext import PyWordPieceTable, WordPieceTable
from asksight.ext.characters import character_table

# Characters and runs that WordPiece has rules for, more often than random text would have them.
PARTS = st.one_of(
    st.sampled_from(
        "aAbB1.?'#[] \t\n\x00\x7f\x85\u00a0\u00ad\u2003\u200d\ufffd\ue000éİΣßſ中豈々가각²≠\u037e"
    ),
    st.sampled_from(
        "\u0301\u0323\u0344\u09cb\u0ccb\u1b44\u302e\U0001d15e\U0001d160\U0001d165\U0001d16d\U0002f800"
    ),
    st.sampled_from(["ab", "what", "[SEP]", "##a", "a" * 99, "é" * 50, "\U0001d16d" * 60, "가" * 34]),
)
TEXT = st.one_of(
    st.text(st.characters(codec="ascii"), max_size=40),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.lists(PARTS, max_size=20).map("".join),
)
LETTERS = st.sampled_from("abwhtAé中가각1.?'\u302e\U0001d157\U0001d165\U0001d16dσßαι")
PIECE = st.builds("{}{}".format, st.sampled_from(["", "##"]), st.text(LETTERS, min_size=1, max_size=3))
SPECIAL = ["[UNK]", "[CLS]", "[SEP]"]


@st.composite
def twins(draw: st.DrawFn) -> tuple[WordPieceTable, PyWordPieceTable]:
    words: Any = [*SPECIAL, *draw(st.lists(PIECE, unique=True, max_size=60))]
    vectors: NDArray[Any] = np.random.default_rng(0).normal(size=(len(words), 3))
    vectors = vectors.astype(draw(st.sampled_from(["float16", "float32"])))
    if draw(st.booleans()):
        words = "".join(f"{word}\n" for word in words).encode()
    named: dict[str, Any] = {"first": 1, "last": 2, "unknown": 0}
    named |= {"limit": draw(st.integers(3, 12)), "lower": draw(st.booleans())}
    named["strip"] = draw(st.sampled_from(["", "", "?.", "aé ", "中\u0301"]))
    return WordPieceTable(words, vectors, **named), PyWordPieceTable(words, vectors, **named)


def answers(table: WordPieceTable | PyWordPieceTable, questions: list[str]) -> list[NDArray[Any]]:
    return [
        *table.rows(questions),
        *table.rows(questions, to_limit=True),
        *table.vectors(questions),
        *table.vectors(questions, to_limit=True, dtype=np.float16),
        table.token_counts(questions),
        *table.read(questions),
    ]


@given(twins(), st.lists(TEXT, max_size=8))
@settings(max_examples=250, deadline=None)
def test_rows_vectors_and_counts(pair: tuple[WordPieceTable, PyWordPieceTable], questions: list[str]) -> None:
    compiled, twin = pair
    assert [*map(compiled.tokens, questions)] == [*map(twin.tokens, questions)]
    for one, other in zip(answers(compiled, questions), answers(twin, questions), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)  # shapes and dtypes too
    for question, rows in zip(questions, compiled.rows(questions)[0].tolist(), strict=True):
        assert compiled.decode([row for row in rows if row >= 0]) == twin.decode(
            twin.cut(twin.found(question))
        )


@pytest.mark.parametrize("lower", [True, False])
def test_every_character(lower: bool) -> None:
    """Each among letters and among marks whose order it may decide; what becomes of it is in the vocabulary."""
    plain = {code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Lo", "So", "Cn", "Co")}
    asked = [
        code for code in range(0x110000) if code not in plain or code % 41 == 0 or code % 0x10000 >= 0xFFFE
    ]
    asked += [code for code in plain if unicodedata.decomposition(chr(code)) and code % 41]
    asked = [code for code in asked if not 0xD800 <= code < 0xE000]
    table = character_table(lower=True)
    letters = {*map(chr, itertools.chain(asked, table.mapped.tolist())), *"ab\U0001d16d\U0001d165"}
    letters |= {chr(code) for code in range(0x1100, 0x1200)}
    words = [*SPECIAL, *sorted(letter for letter in letters if letter != "\n")]
    words += [f"##{letter}" for letter in words[3:]]
    vectors = np.zeros((len(words), 1), np.float32)
    compiled, twin = (
        kind(words, vectors, first=1, last=2, unknown=0, lower=lower, limit=20)
        for kind in (WordPieceTable, PyWordPieceTable)
    )
    texts = [f"a{chr(code)}b a\U0001d16d{chr(code)}\U0001d165" for code in asked]
    for one, other in zip(compiled.rows(texts), twin.rows(texts), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(chr(code) == chr(code).lower() for code in plain if unicodedata.category(chr(code)) != "So")


def test_many_threads_share_one_table() -> None:
    words = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyz0123456789?'", *(f"##{sign}" for sign in "dorw0123456789")]
    vectors = np.random.default_rng(0).normal(size=(len(words), 16)).astype(np.float16)
    compiled, twin = (
        kind(words, vectors, first=1, last=2, unknown=0) for kind in (WordPieceTable, PyWordPieceTable)
    )
    batches = [
        [f"Is word{(at * 37 + row) % 6000} é’s word{row}?" * (1 + row % 3) for row in range(20)]
        for at in range(8)
    ]
    expected = [twin.vectors(batch) for batch in batches]

    def hammer(thread: int) -> None:
        for turn in range(200):
            at = (thread + turn) % len(batches)
            for found, right in zip(compiled.vectors(batches[at]), expected[at], strict=True):
                np.testing.assert_array_equal(found, right)
            assert compiled.tokens(batches[at][0]) == twin.tokens(batches[at][0])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hammer, range(8)))
