"""What is kept of new chunks stays in bound, and what is known stays known, however many others come."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from asksight.ext import PyWordTable, WordTable
from asksight.ext.cutting import FastSplitter

WORDS = ["what", "is", "the", "dog", "'s", "left", "-", "most", "?", "<unknown 0>", "<unknown 1>"]
KNOWN = ["What is the dog's left-most?", "IS (the) dog left–most"]


def made() -> WordTable:
    return WordTable(WORDS, np.ones((len(WORDS), 2), np.float32), unknown_rows=2)


def chunks_cut(table: WordTable, questions: Iterable[str]) -> list[str]:
    """The chunks that take the slow path."""
    taken: list[str] = []
    chunk = FastSplitter.chunk

    def counting(splitter: FastSplitter, text: str, most: int) -> tuple[list[str], bool]:
        taken.append(text)
        return chunk(splitter, text, most)

    with patch.object(FastSplitter, "chunk", counting):
        table.rows(list(questions))
    return taken


def test_plain_words_never_take_the_slow_path() -> None:
    plain = [
        "What is THE dog",
        "zebra? Unheard, of!",
        "dont Im cannot",
        "x" * 64,
        "pneumonoultramicroscopic?",
    ]
    assert chunks_cut(made(), plain) == []


def test_a_new_chunk_takes_it_once() -> None:
    table = made()
    assert chunks_cut(table, KNOWN) == ["dog's", "left-most?", "(the)", "left–most"]
    assert chunks_cut(table, KNOWN) == []
    assert chunks_cut(table, ["y" * 65, "a-" * 13]) == ["y" * 65, "a-" * 13]
    assert chunks_cut(table, ["y" * 65, "a-" * 13]) == ["y" * 65, "a-" * 13]  # too long to be kept


def test_no_chunk_is_cut_beyond_those_that_are_read() -> None:
    question = " ".join(f"new{number}'s" for number in range(200))
    assert len(chunks_cut(made(), [question])) == 15  # of two tokens each; 30 are read


def memory_bytes() -> int:
    """Resident and not shared with anything on disk."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) << 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_flood_of_new_chunks_takes_bounded_memory_and_leaves_the_known_ones() -> None:
    table = made()
    table.rows(KNOWN)

    def flood(start: int) -> None:
        table.rows([f"word{number}'s" for number in range(start, start + 1000)])

    for start in range(0, 60_000, 1000):  # twice what fits
        flood(start)
    before = memory_bytes()
    for start in range(60_000, 100_000, 1000):
        flood(start)
    assert memory_bytes() - before < 2 << 20
    assert chunks_cut(table, KNOWN) == []


def test_threads_that_read_while_others_bring_new_chunks() -> None:
    table, twin = made(), PyWordTable(WORDS, np.ones((len(WORDS), 2), np.float32), unknown_rows=2)
    batches = [
        [f"what-{31 * at + row}'s {row}-the dog's? x/e.g. é{at}" for row in range(40)] for at in range(30)
    ]
    expected = [twin.rows(batch)[0] for batch in batches]

    def hammer(thread: int) -> None:
        for turn in range(60):
            at = (7 * thread + turn) % len(batches)
            np.testing.assert_array_equal(table.rows(batches[at])[0], expected[at])
            assert table.texts(batches[at][thread]) == twin.texts(batches[at][thread])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hammer, range(8)))
