"""How many questions per second the tokenizer reads, compared with spaCy, `str.split` with a dict, and plain copying.

    python benchmarks/tokenizer.py QUESTIONS [--count 20000] [--json]

QUESTIONS is a text file with a question on each line, or a .tsv file with a column `question`. Each figure is the
median of five runs. The vocabulary is that of the questions, with random 300-d float16 vectors. The floor is the time
to zero a [N, 30, 300] float32 output and to copy a vector for each token, without reading any text.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.ext import WordTable

LIMIT, DIMENSION, BATCH = 30, 300, 32
MANY_WORDS = 400_000
Measured = dict[str, float]


def read_questions(path: Path, count: int) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".tsv":
            found = [row["question"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        else:
            found = file.read().splitlines()
    return (found * (count // len(found) + 1))[:count]


def seconds(work: Callable[[], object], *, repeats: int = 5) -> float:
    """The median seconds of `work`, after one run as a warm-up."""
    work()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def with_threads(count: int, work: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def only_rows(table: WordTable, questions: Sequence[str]) -> Measured:
    """Token rows without vectors: AskSight and others on one core, and AskSight with two threads on twice the work."""
    import spacy

    tokenizer: Any = spacy.blank("en").tokenizer
    rows = {
        word: row for row, word in enumerate(sorted({w for text in questions for w in text.lower().split()}))
    }

    def split_and_look_up() -> None:
        for text in questions:
            [rows.get(word, -1) for word in text.lower().split()]

    def cut() -> None:
        for text in questions:
            tokenizer(text)

    outs = [np.empty(len(questions) * LIMIT, np.int32) for _ in range(2)]
    several = range(32)  # long enough that the start of the threads does not matter

    def repeat(number: int) -> None:
        for _ in several:
            table.rows(questions, out=outs[number])

    return {
        "rows": len(questions) / seconds(lambda: table.rows(questions, out=outs[0])),
        "spacy": len(questions) / seconds(cut),
        "split": len(questions) / seconds(split_and_look_up),
        "two_threads": two_threads_gain(repeat),
        "two_processors": two_processors(),
    }


def two_threads_gain(work: Callable[[int], object]) -> float:
    """How much more work two threads do than one: the median ratio of pairs of runs, one directly after the other."""
    pairs = []
    for _ in range(9):
        one, two = (seconds(lambda n=n: with_threads(n, work), repeats=1) for n in (1, 2))  # type: ignore[misc]
        pairs.append(2 * one / two)
    return statistics.median(pairs)


def two_processors() -> float:
    """The gain of two threads on work that shares nothing and needs no GIL, which is the upper limit."""
    arrays = [np.arange(1 << 16, dtype=np.float64) for _ in range(2)]

    def work(number: int) -> None:
        for _ in range(4000):
            np.sqrt(arrays[number], out=arrays[number])

    return two_threads_gain(work)


def padded_vectors(table: WordTable, questions: Sequence[str], vectors: NDArray[Any]) -> Measured:
    """Rows, vectors and padding written to the caller's buffers, and the floor in the same buffer."""
    _, lengths = table.rows(questions, to_limit=True)
    out = np.empty((len(questions), LIMIT, DIMENSION), np.float32)
    one = vectors[0].astype(np.float32)
    kept = round(float(lengths.mean()))

    def floor() -> None:
        out[:, :kept] = one
        out[:, kept:] = 0

    def zero() -> None:
        out[:] = 0

    small = np.empty(BATCH * LIMIT * DIMENSION, np.float32)
    batches = [questions[start : start + BATCH] for start in range(0, len(questions), BATCH)]
    return {
        "to_limit": len(questions) / seconds(lambda: table.vectors(questions, to_limit=True, out=out)),
        "floor": len(questions) / seconds(floor),
        "zeroing_alone": len(questions) / seconds(zero),
        "batches": len(questions) / seconds(lambda: [table.vectors(batch, out=small) for batch in batches]),
        "tokens_a_question": float(lengths.mean()),
    }


OPENING = """
import sys, time
from pathlib import Path
import numpy as np
from asksight.ext import WordTable, english

def private_bytes():  # written, and shared with nobody (Linux)
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_Dirty"))

english()  # every process reads the rules once
before, started = private_bytes(), time.perf_counter()
vectors = np.lib.format.open_memmap(Path(sys.argv[1]) / "vectors.npy", "r")
table = WordTable((Path(sys.argv[1]) / "words.txt").read_bytes(), vectors)
opened = time.perf_counter() - started
grown = private_bytes() - before
started = time.perf_counter()
table.rows(["(new)"])
print(1000 * opened, grown / 1e6, 1000 * (time.perf_counter() - started))
"""


def opening() -> Measured:
    """A table of 400,000 words from its two files, each time in a new process; then the first chunk that is new."""
    chance = np.random.default_rng(0)
    letters = chance.integers(ord("a"), ord("z") + 1, (2 * MANY_WORDS, 12), dtype=np.uint8)
    lengths = chance.integers(4, 13, len(letters))
    known = {row[:length].tobytes().decode(): None for row, length in zip(letters, lengths, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        words, vectors = Path(folder) / "words.txt", Path(folder) / "vectors.npy"
        words.write_text("".join(f"{word}\n" for word in list(known)[:MANY_WORDS]))
        mapped = np.lib.format.open_memmap(vectors, "w+", np.float16, (MANY_WORDS, DIMENSION))
        mapped[:] = 0.5
        mapped.flush()
        command = [sys.executable, "-c", OPENING, folder]
        runs = [
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            for _ in range(5)
        ]
    medians = [statistics.median(map(float, column)) for column in zip(*runs, strict=True)]
    return dict(zip(("open_ms", "open_private_mb", "first_new_chunk_ms"), medians, strict=True))


def known_beside_a_flood(table: WordTable, questions: Sequence[str]) -> Measured:
    """How fast known questions are once a million chunks that nobody knew have passed, to before."""
    before = seconds(lambda: table.rows(questions))
    for start in range(0, 1_000_000, 10_000):
        table.rows([f"{number:x}-word's" for number in range(start, start + 10_000)])
    started = time.perf_counter()
    table.rows(questions)
    first = time.perf_counter() - started
    return {
        "after_flood": before / seconds(lambda: table.rows(questions)),
        "first_after_flood": before / first,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("questions", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    questions = read_questions(options.questions, options.count)
    speller = WordTable(["<unknown 0>"], np.zeros((1, 1), np.float32))
    counts = Counter(token for text in questions for token in speller.tokens(text))
    words = [*(word for word, _ in counts.most_common()), "<unknown 0>"]
    vectors = np.random.default_rng(0).normal(size=(len(words), DIMENSION)).astype(np.float16)
    table = WordTable(words, vectors, limit=LIMIT)
    found = only_rows(table, questions) | padded_vectors(table, questions, vectors) | opening()
    found |= known_beside_a_flood(table, questions)
    found |= {"load": os.getloadavg()[0], "questions": len(questions), "words": len(words)}
    print(json.dumps(found) if options.json else report(found))


def report(found: Measured) -> str:
    rows, floor = found["rows"], found["floor"]
    return "\n".join(
        (
            f"{found['questions']:,.0f} questions of {found['tokens_a_question']:.2f} tokens, medians of five; "
            f"load {found['load']:.1f}",
            f"rows only              {rows:>12,.0f}/s a core",
            f"  spaCy's tokenizer    {found['spacy']:>12,.0f}/s     {rows / found['spacy']:.1f}x",
            f"  str.split and a dict {found['split']:>12,.0f}/s     {rows / found['split']:.1f}x",
            f"  two threads          {found['two_threads']:>12.2f}x one ({found['two_processors']:.2f}x on work that "
            "shares nothing)",
            f"vectors, padded to 30  {found['to_limit']:>12,.0f}/s     {found['to_limit'] / floor:.0%} of the floor",
            f"  the memory floor     {floor:>12,.0f}/s     ({found['zeroing_alone']:,.0f}/s for zeroing alone)",
            f"vectors, batches of 32 {found['batches']:>12,.0f}/s     padded to each batch's longest",
            f"opening 400,000 x 300  {found['open_ms']:>12.1f} ms    {found['open_private_mb']:.1f} MB private; "
            f"the first new chunk {found['first_new_chunk_ms']:.0f} ms, once",
            f"after a flood          {100 * found['after_flood']:>12.0f} %     of the rate before a million new chunks "
            f"({100 * found['first_after_flood']:.0f} % at once)",
        )
    )


if __name__ == "__main__":
    main()
