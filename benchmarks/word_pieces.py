"""How many questions a second are cut into word pieces, beside Hugging Face's `tokenizers` on one thread.

    python benchmarks/word_pieces.py QUESTIONS [--count 20000] [--json]

QUESTIONS has a question a line, or a column `question` (.tsv). Each figure is the median of five, all in one run. The
vocabulary is as large as BERT's, 30,522 pieces: the questions' words that stand in them at least thrice, letters, short
ends, and words that nobody asks for; vectors are random, [30522, 768] float32. The hostile questions have 1,000
characters: words of 100 characters that are cut into many pieces, marks to put in order, accents, Hangul, any Unicode.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizer import BATCH, Measured, read_questions, seconds, two_processors, two_threads_gain

from asksight.ext import PyWordPieceTable, WordPieceTable
from asksight.ext.characters import character_table, words_of

PIECES, DIMENSION, LIMIT = 30_522, 768, 40
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
HOSTILE, HOSTILE_CHARACTERS = 2000, 1000


def vocabulary_of(questions: Sequence[str]) -> list[str]:
    counts = Counter(word for text in questions for word in words_of(text, lower=True))
    letters = sorted(
        {letter for word in counts for letter in word} | {*"abcdefghijklmnopqrstuvwxyz0123456789"}
    )
    common = [word for word, count in counts.most_common() if count >= 3]
    chance = random.Random(0)
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *common]
    pieces += [f"##{word[-3:]}" for word in common if len(word) > 5]
    known = dict.fromkeys(pieces)
    while len(known) < PIECES:
        word = "".join(chance.choices("etaoinshrdlu", k=chance.randrange(4, 14)))
        known[word if chance.random() < 0.8 else f"##{word}"] = None
    return list(known)[:PIECES]


def hostile_questions() -> list[str]:
    chance = random.Random(0)
    letters: tuple[Sequence[str], ...] = (
        "etaoinshrdlu",
        "abcdefghijklmnopqrstuvwxyz",
        "éÅøßñ",
        "가각힣",
        ("e\u0301", "o\u031b\u0323"),
        ("\U0001d15e", "\U0001d16d", "\U0001d165", "a"),
        ".?!-'",
        "\u0301\u0323\u0345",
        "中国x",
        ("\u200d", "a", "\x00"),
    )
    texts = []
    for number in range(HOSTILE):
        some = letters[number % len(letters)]
        if number % 7 == 0:
            some = [chr(chance.choice((chance.randrange(0xD800), chance.randrange(0xE000, 0x110000))))]
            some += [chr(chance.randrange(0x21, 0x3000)) for _ in range(30)]
        words = ["".join(chance.choices(some, k=chance.choice((33, 50, 99, 100)))) for _ in range(30)]
        texts.append(" ".join(words)[:HOSTILE_CHARACTERS])
    return texts


def slowest(table: WordPieceTable, texts: Sequence[str]) -> Measured:
    """Each text the best of five, so that what else the machine does is not counted."""
    taken = []
    for text in texts:
        runs = []
        for _ in range(5):
            started = time.perf_counter()
            table.read([text])
            runs.append(time.perf_counter() - started)
        taken.append(1e6 * min(runs))
    return {"hostile_slowest_us": max(taken), "hostile_median_us": statistics.median(taken)}


def peer(pieces: Sequence[str], questions: Sequence[str]) -> float:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

    tokenizer: Any = BertWordPieceTokenizer({piece: row for row, piece in enumerate(pieces)})
    tokenizer.enable_truncation(LIMIT)
    return len(questions) / seconds(lambda: tokenizer.encode_batch(questions))


def measure(questions: Sequence[str]) -> Measured:
    pieces = vocabulary_of(questions)
    vectors = np.random.default_rng(0).normal(size=(len(pieces), DIMENSION)).astype(np.float32)
    text = "".join(f"{piece}\n" for piece in pieces).encode()
    started = time.perf_counter()
    character_table(lower=True)
    characters_ms = 1000 * (time.perf_counter() - started)
    named: Any = {"first": 2, "last": 3, "unknown": 1, "limit": LIMIT}
    table = WordPieceTable(text, vectors, **named)
    twin = PyWordPieceTable(pieces, vectors, **named)
    outs = [np.empty(len(questions) * LIMIT, np.int32) for _ in range(2)]
    small = np.empty(BATCH * LIMIT * DIMENSION, np.float32)
    batches = [questions[start : start + BATCH] for start in range(0, len(questions), BATCH)]

    def repeat(number: int) -> None:
        for _ in range(32):
            table.rows(questions, out=outs[number])

    count = len(questions)
    return {
        "rows": count / seconds(lambda: table.rows(questions, out=outs[0])),
        "rows_in_batches": count / seconds(lambda: [table.rows(batch, out=outs[0]) for batch in batches]),
        "vectors_in_batches": count / seconds(lambda: [table.vectors(batch, out=small) for batch in batches]),
        "read_in_batches": count / seconds(lambda: [table.read(batch) for batch in batches]),
        "tokenizers": peer(pieces, questions),
        "twin": 1000 / seconds(lambda: twin.rows(questions[:1000]), repeats=1),
        "two_threads": two_threads_gain(repeat),
        "two_processors": two_processors(),
        "pieces_a_question": float(table.token_counts(questions).mean()),
        "open_ms": 1000 * seconds(lambda: WordPieceTable(text, vectors, **named)),
        "characters_ms": characters_ms,
        **slowest(table, hostile_questions()),
        "load": os.getloadavg()[0],
        "questions": count,
    }


def report(found: Measured) -> str:
    rows, batches, peers = found["rows"], found["rows_in_batches"], found["tokenizers"]
    return "\n".join(
        (
            f"{found['questions']:,.0f} questions of {found['pieces_a_question']:.2f} pieces, first and last included; "
            f"medians of five; load {found['load']:.1f}",
            f"rows only               {rows:>12,.0f}/s a core",
            f"  in batches of {BATCH}      {batches:>12,.0f}/s",
            f"  tokenizers            {peers:>12,.0f}/s     one thread; {rows / peers:.0f}x",
            f"  the Python twin       {found['twin']:>12,.0f}/s     {rows / found['twin']:.0f}x",
            f"  two threads           {found['two_threads']:>12.2f}x one ({found['two_processors']:.2f}x on work that "
            "shares nothing)",
            f"vectors, batches of {BATCH}  {found['vectors_in_batches']:>12,.0f}/s     of {DIMENSION}, float32",
            f"read, batches of {BATCH}     {found['read_in_batches']:>12,.0f}/s     into new memory",
            f"opening {PIECES:,} pieces  {found['open_ms']:>12.1f} ms    and {found['characters_ms']:.0f} ms once for "
            "the characters",
            f"hostile questions       {found['hostile_slowest_us']:>12.0f} µs    the slowest of {HOSTILE:,}; median "
            f"{found['hostile_median_us']:.0f} µs",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("questions", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(read_questions(options.questions, options.count))
    print(json.dumps(found) if options.json else report(found))


if __name__ == "__main__":
    main()
