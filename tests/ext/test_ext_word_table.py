"""Rows, vectors and lengths, in the compiled table and in its twin."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asksight.ext import PyWordTable, WordTable

Table = type[WordTable] | type[PyWordTable]
WORDS = ["what", "is", "red", "?", "n't", "café", "’", "<unknown 0>", "<unknown 1>", "<unknown 2>"]
VECTORS = np.arange(30, dtype=np.float32).reshape(10, 3) + 1


@pytest.fixture(params=[WordTable, PyWordTable], ids=["compiled", "twin"])
def kind(request: pytest.FixtureRequest) -> Table:
    chosen: Table = request.param
    return chosen


def table(kind: Table, vectors: NDArray[Any] = VECTORS, *, limit: int = 4) -> WordTable | PyWordTable:
    return kind(WORDS, vectors, limit=limit, unknown_rows=3)


def test_sizes_are_attributes(kind: Table) -> None:
    made = table(kind)
    assert (made.size, made.dimension, made.limit, made.lower, made.unknown_rows) == (10, 3, 4, True, 3)


def test_rows_are_padded_with_minus_one(kind: Table) -> None:
    rows, lengths = table(kind).rows(["What is red?", "red", "", "Café"])
    assert rows.tolist() == [[0, 1, 2, 3], [2, -1, -1, -1], [-1, -1, -1, -1], [5, -1, -1, -1]]
    assert lengths.tolist() == [4, 1, 0, 1]
    assert rows.dtype == lengths.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_vectors_are_the_rows_and_zero_beyond(kind: Table, dtype: type[Any]) -> None:
    vectors, lengths = table(kind, VECTORS.astype(dtype)).vectors(["red café", "is", ""])
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[[7, 8, 9], [16, 17, 18]], [[4, 5, 6], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    assert lengths.tolist() == [2, 1, 0]


def test_t_is_the_longest_of_the_batch_and_at_least_one(kind: Table) -> None:
    made = table(kind)
    assert made.rows([])[0].shape == (0, 1)
    assert made.vectors([])[0].shape == (0, 1, 3)
    assert made.rows([""])[0].shape == (1, 1)
    assert made.rows(["is", "is red"])[0].shape == (2, 2)
    assert made.token_counts([]).shape == (0,)


def test_a_long_question_is_cut_and_its_full_count_told(kind: Table) -> None:
    made = table(kind, limit=3)
    questions = ["what is red? é", "is"]
    rows, lengths = made.rows(questions)
    assert rows.tolist() == [[0, 1, 2], [1, -1, -1]]
    assert lengths.tolist() == [3, 1]
    assert made.token_counts(questions).tolist() == [5, 1]


def test_unknown_words_share_the_last_rows_by_a_hash_that_never_changes(kind: Table) -> None:
    made = table(kind)
    # The hashes are published test vectors of FNV-1a 64 (Noll, "FNV source": "a", "foobar").
    expected = [7 + 0xAF63DC4C8601EC8C % 3, 7 + 0x85944171F73967E8 % 3]
    assert made.rows(["a foobar"])[0].tolist() == [expected]
    assert made.rows(["A Foobar"])[0].tolist() == [expected]
    assert made.rows(["FOOBAR é"])[0][0, 0] == expected[1]  # the other path, through Unicode
    seen = made.rows(["zebra apple giraffe bicycle umbrella", "tomato cloud lamp"])[0]
    assert set(seen.ravel()) - {-1} == {7, 8, 9}
    assert made.rows(["<unknown 0>"])[1].tolist() == [4]


def test_a_typographic_apostrophe_finds_the_straight_word(kind: Table) -> None:
    assert table(kind).rows(["isn’t", "isn't", "’"])[0].tolist() == [[1, 4], [1, 4], [6, -1]]


def test_all_rows_may_be_unknown(kind: Table) -> None:
    made = kind(["<unknown 0>"], np.ones((1, 2), np.float32))
    assert made.rows(["what is this"])[0].tolist() == [[0, 0, 0]]


def test_vectors_are_read_where_they_lie(kind: Table, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", VECTORS.astype(np.float16))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r+")
    made = table(kind, mapped)
    mapped[2] = 5
    assert made.vectors(["red"])[0].tolist() == [[[5, 5, 5]]]
    read_only = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert table(kind, read_only).vectors(["is"])[0].tolist() == [[[4, 5, 6]]]


def test_every_half_precision_number_becomes_its_float(kind: Table) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(1, -1)
    vectors, _ = kind(["<unknown 0>"], halves).vectors(["a"])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(vectors[0], halves.astype(np.float32))


@pytest.mark.parametrize("table_dtype", [np.float16, np.float32])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_vectors_come_in_the_numbers_asked_for(kind: Table, table_dtype: type[Any], dtype: type[Any]) -> None:
    wide = np.random.default_rng(0).normal(size=(10, 37)).astype(table_dtype)
    vectors, _ = table(kind, wide).vectors(["is red?"], dtype=dtype)
    np.testing.assert_array_equal(vectors, wide[[1, 2, 3]][None].astype(dtype), strict=True)


def test_floats_become_halves_as_numpy_rounds_them(kind: Table) -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 1 << 16, dtype=np.uint32)
    ties = (np.arange(1 << 17, dtype=np.uint32) << np.uint32(12)) + np.uint32(
        0x32000000
    )  # 2^-27 to far beyond
    floats = np.concatenate([bits, ties, ties | np.uint32(1)]).view(np.float32)
    floats = floats[np.isfinite(floats)].reshape(1, -1)
    vectors, _ = kind(["<unknown 0>"], floats).vectors(["a"], dtype="float16")
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(vectors[0], floats.astype(np.float16))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_callers_buffer_is_filled_and_viewed(kind: Table, dtype: type[Any]) -> None:
    made, questions = table(kind), ["What is red?", "is"]
    buffer = np.full(2 * 4 * 3 + 5, 7, dtype)
    vectors, lengths = made.vectors(questions, out=buffer)
    assert vectors.dtype == dtype
    assert vectors.base is not None
    assert np.shares_memory(vectors, buffer)
    np.testing.assert_array_equal(vectors, made.vectors(questions)[0])
    assert lengths.tolist() == [4, 1]
    assert buffer[24:].tolist() == [7] * 5  # no more is touched
    rows, _ = made.rows(questions, out=np.zeros((3, 4), np.int32))
    assert rows.tolist() == [[0, 1, 2, 3], [1, -1, -1, -1]]


def test_all_batches_may_be_as_long_as_the_limit(kind: Table) -> None:
    made = table(kind)
    assert made.rows(["is"], to_limit=True)[0].tolist() == [[1, -1, -1, -1]]
    assert made.vectors(["is"], to_limit=True)[0].shape == (1, 4, 3)
    assert made.vectors([], to_limit=True)[0].shape == (0, 4, 3)


@pytest.mark.parametrize(
    ("out", "dtype", "error", "message"),
    [
        (np.zeros(11, np.float32), None, ValueError, r"room for 12 numbers \(1, 4, 3\); it has 11"),
        (np.zeros((12, 2), np.float32)[:, 0], None, ValueError, "in C order"),
        (np.zeros(12, np.float32), np.float16, TypeError, "out must hold float16, not float32"),
        (np.zeros(12, np.float64), None, TypeError, "float32 or float16, not as float64"),
        (None, np.int8, TypeError, "float32 or float16, not as int8"),
        (np.frombuffer(bytes(48), np.float32), None, ValueError, "must be writable"),
    ],
)
def test_a_buffer_that_does_not_fit_is_refused(
    kind: Table, out: Any, dtype: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        table(kind).vectors(["what is red?"], out=out, dtype=dtype)
    with pytest.raises((TypeError, ValueError)):
        table(kind).rows(["what is red?"], out=np.zeros(3, np.int32) if out is None else out)


def test_words_may_be_the_text_of_their_file(kind: Table, tmp_path: Path) -> None:
    text = "".join(f"{word}\n" for word in WORDS).encode()
    (tmp_path / "words.txt").write_bytes(text)
    questions = ["What isn’t café? zebra", "Red"]
    expected = table(kind).rows(questions)[0].tolist()
    with (
        (tmp_path / "words.txt").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        for words in (text, bytearray(text), memoryview(text), mapped):
            made = kind(words, VECTORS, limit=4, unknown_rows=3)
            assert made.rows(questions)[0].tolist() == expected
            del made  # which lets go of the file


def bad(**changes: Any) -> dict[str, Any]:
    return {"words": WORDS, "vectors": VECTORS} | changes


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (bad(vectors=VECTORS.astype(np.float64)), TypeError, "float16 or float32"),
        (bad(vectors=VECTORS.astype(">f4")), TypeError, "native byte order"),
        (bad(vectors=VECTORS.T.copy().T), ValueError, "C order"),
        (bad(vectors=VECTORS[0]), ValueError, r"\[V, D\]"),
        (bad(vectors=VECTORS[:, :0]), ValueError, "not empty"),
        (bad(words=[], vectors=VECTORS[:0]), ValueError, "not empty"),
        (bad(words=WORDS[1:]), ValueError, "9 words for 10 vectors"),
        (bad(words=["is", *WORDS[1:]]), ValueError, "'is' stands in rows 0 and 1"),
        (bad(words=["\udc00", *WORDS[1:]]), ValueError, "lone surrogate"),
        (bad(words=b"is\n" * 10), ValueError, "'is' stands in rows 0 and 1"),
        (bad(words=b"is\n" * 9), ValueError, "9 words for 10 vectors"),
        (bad(words=b"a\nb"), ValueError, "must end with a newline"),
        (bad(words=b"\xff\n" * 10), ValueError, "codec can't decode"),
        (bad(rules="{}"), ValueError, "schema 1"),
        (bad(limit=0), ValueError, "limit must be at least 1"),
        (bad(unknown_rows=0), ValueError, "unknown_rows must be 1 to 10"),
        (bad(unknown_rows=11), ValueError, "unknown_rows must be 1 to 10"),
    ],
)
def test_what_is_no_table_is_refused(
    kind: Table, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(**arguments)


@pytest.mark.parametrize("method", ["rows", "vectors", "token_counts"])
def test_what_is_no_list_of_questions_is_refused(kind: Table, method: str) -> None:
    call = getattr(table(kind), method)
    with pytest.raises(TypeError, match="not one string"):
        call("what is this?")
    with pytest.raises(TypeError, match="question 1 must be a str, not NoneType"):
        call(["what", None])
    with pytest.raises(ValueError, match="lone surrogate"):
        call(["what", "\udfff"])
