"""The compiled table and its Python twin give the same for any text, from any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asksight.ext import PyWordTable, WordTable

# Pieces that meet the rules at their edges, more often than random text would.
PIECES = st.one_of(
    st.sampled_from("'’-–aB3?!.($\" \t\n\x1c\x00\x7f\u00a0\u2003\u200déİΣß٣ا؟中🐶"),
    st.sampled_from(["n't", "'s", "'ll", "'RE", "n’t", "red", "is", "e\u0301", "👩\u200d🦰"]),
    st.sampled_from(
        ["dont", "Id", "cannot", "e.g.", "x/e.g.", "7pm", "www.a.com", ":)", "abcdefghijklmnopq"]
    ),
)
TEXT = st.one_of(
    st.text(st.characters(codec="ascii"), max_size=40),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.lists(PIECES, max_size=14).map("".join),
)
WORDS = st.lists(TEXT.filter(bool), unique=True, max_size=30)


@st.composite
def twins(draw: st.DrawFn) -> tuple[WordTable, PyWordTable]:
    unknown = draw(st.integers(1, 5))
    words: Any = [*draw(WORDS), *(f"<unknown {row}>" for row in range(unknown))]
    dtype = draw(st.sampled_from(["float16", "float32"]))
    width = draw(st.integers(1, 5))
    vectors: NDArray[Any] = np.random.default_rng(0).normal(size=(len(words), width)).astype(dtype)
    limit, lower = draw(st.integers(1, 12)), draw(st.booleans())
    if draw(st.booleans()) and not any("\n" in word for word in words):
        words = "".join(f"{word}\n" for word in words).encode()
    return (
        WordTable(words, vectors, limit=limit, lower=lower, unknown_rows=unknown),
        PyWordTable(words, vectors, limit=limit, lower=lower, unknown_rows=unknown),
    )


def answers(table: WordTable | PyWordTable, questions: list[str]) -> list[NDArray[Any]]:
    return [
        *table.rows(questions),
        *table.rows(questions, to_limit=True),
        *table.vectors(questions),
        *table.vectors(questions, to_limit=True, dtype=np.float16),
        table.token_counts(questions),
        *table.read(questions),
    ]


@given(twins(), TEXT)
@settings(max_examples=400, deadline=None)
def test_tokens(pair: tuple[WordTable, PyWordTable], question: str) -> None:
    compiled, twin = pair
    texts = twin.texts(question)
    assert "".join("".join(texts).split()) == "".join(question.split())  # nothing is lost, nothing made up
    for _ in range(2):  # the second time from what was kept
        assert compiled.texts(question) == texts
        assert compiled.tokens(question) == twin.tokens(question)


@given(twins(), st.lists(TEXT, max_size=8))
@settings(max_examples=400, deadline=None)
def test_rows_vectors_and_counts(pair: tuple[WordTable, PyWordTable], questions: list[str]) -> None:
    compiled, twin = pair
    right = answers(twin, questions)
    for _ in range(2):
        for one, other in zip(answers(compiled, questions), right, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)  # shapes and dtypes too


@given(twins(), st.lists(TEXT, min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_question_has_the_same_vectors_in_any_batch(
    pair: tuple[WordTable, PyWordTable], questions: list[str]
) -> None:
    compiled, _ = pair
    vectors, lengths = compiled.vectors(questions)
    for question, row, length in zip(questions, vectors, lengths, strict=True):
        alone, alone_length = compiled.vectors([question])
        assert alone_length.tolist() == [length]
        np.testing.assert_array_equal(alone[0, :length], row[:length])
        assert not row[length:].any()


def test_many_threads_share_one_table() -> None:
    words = [*(f"word{number}" for number in range(5000)), "<unknown 0>"]
    vectors = np.random.default_rng(0).normal(size=(5001, 16)).astype(np.float16)
    compiled, twin = WordTable(words, vectors), PyWordTable(words, vectors)
    batches = [
        [f"is word{(at * 37 + row) % 6000} é’s word{row}?" * (1 + row % 3) for row in range(20)]
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
