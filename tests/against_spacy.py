"""Hold the tokenizer against spaCy itself: real questions and generated texts, token by token.

    python tests/against_spacy.py [--count 2000000] [--seed 1] [--language en] [--questions FILE ...]

A file has a question a line, or the column `question` of a .tsv. Both the compiled table and its twin are asked; the
twin, which is slow, about every tenth text. Ends with 1 and shows the first differences if there are any. Two million
texts take about half an hour; most of it is spaCy's.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from odd_texts import odd_texts

from asksight.ext import PyWordTable, Rules, WordTable, english
from asksight.training.vectors.spacy_rules import spacy_rules

FRESH = 50_000  # texts until spaCy starts anew: it keeps every token that it has seen
SHOWN = 10


def spacy_texts(texts: Iterable[str], language: str) -> Iterator[tuple[str, list[str]]]:
    """Each text with spaCy's token texts."""
    import spacy

    tokenizer: Any = None
    for number, text in enumerate(texts):
        if number % FRESH == 0:
            tokenizer = spacy.blank(language).tokenizer
        yield text, [token.text for token in tokenizer(text)]


def differences(
    texts: Iterable[str], rules: Rules, *, language: str = "en", twin_every: int = 10
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Texts whose tokens differ, with spaCy's and ours."""
    words, vectors = ["<unknown 0>"], np.zeros((1, 1), np.float32)
    compiled, twin = WordTable(words, vectors, rules=rules), PyWordTable(words, vectors, rules=rules)
    for number, (text, right) in enumerate(spacy_texts(texts, language)):
        # The second time the table answers from what it kept.
        answers = [compiled.texts(text), compiled.texts(text)]
        answers += [twin.texts(text)] if number % twin_every == 0 else []
        for tokens in answers:
            if tokens != right:
                yield text, right, tokens
                break


def read_questions(path: Path) -> list[str]:
    """A question a line, or those of a .tsv."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".tsv":
            return [row["question"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        return [line.rstrip("\n") for line in file]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--language", default="en")
    parser.add_argument("--questions", type=Path, nargs="*", default=[])
    options = parser.parse_args(arguments)
    rules = english() if options.language == "en" else spacy_rules(options.language)
    generated = islice(odd_texts(options.seed, exceptions=sorted(rules.exceptions)), options.count)
    parts = [(str(path), read_questions(path)) for path in options.questions]
    failed = 0
    for name, texts in [*parts, (f"generated with seed {options.seed}", generated)]:
        started_s, counted, wrong = time.perf_counter(), 0, 0

        def counting(texts: Iterable[str] = texts) -> Iterator[str]:
            nonlocal counted
            for counted, text in enumerate(texts, 1):  # noqa: B007 - told at the end
                yield text

        for text, right, tokens in differences(counting(), rules, language=options.language):
            wrong += 1
            if wrong <= SHOWN:
                print(f"{text!a}\n  spaCy {right!a}\n  ours  {tokens!a}")
        print(
            f"{name}: {wrong} differences in {counted:,} texts, {time.perf_counter() - started_s:.0f} s",
            flush=True,
        )
        failed += wrong
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
