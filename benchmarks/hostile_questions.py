"""How long a hostile question takes on its way through what looks at its text: the slowest of many of 1,000 characters.

    python benchmarks/hostile_questions.py [--json]

They repeat and mix marks, faces, units, contractions, addresses, accents, any characters, and what asks for a skill.
Each time is the best of three, and of thirty where it is among the longest, so that what else the machine does is
hardly counted. The words are random, of 30 tokens at most; "all" is one question's time of all steps.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import odd_texts

from asksight.engine.bundle.known_words import KnownWords
from asksight.ext import WordTable, english
from asksight.server.core.questions import check_question
from asksight.server.errors import InvalidAsk
from asksight.server.printable import printable_json
from asksight.server.reply import skills

CHARACTERS = 1000
MIXES = 600
LONGEST = 100  # times of a step that are taken again
ASKING = (
    *(
        "what do ",
        "what does ",
        "say on ",
        "see what ",
        "safe ",
        "okay ",
        "to cross ",
        "can i ",
        "is this a ",
    ),
    *("how much ", "when does ", "expire ", "which ", "medicine ", "text on ", "the road ", "read "),
)


def hostile_questions() -> list[str]:
    chance = random.Random(0)
    names = [
        "CONTRACTIONS",
        "SHORT_FORMS",
        "ADDRESSES",
        "AMOUNTS",
        "MARKS",
        "FACES",
        "EMOJI",
        "ACCENTS",
        "INVISIBLE",
    ]
    parts = [part for name in names for part in getattr(odd_texts, name)]
    parts += [
        *sorted(english().exceptions),
        *ASKING,
        "a",
        "\n",
        "\t",
        "\u3000",
        "@",
        "a@",
        "a.",
        "_",
        "a" * 63 + ".",
    ]
    texts = [before + part + after for part in parts for before in ("", "x") for after in ("", " ")]
    texts = [(text * CHARACTERS)[:CHARACTERS] for text in texts]
    for number in range(MIXES):
        some = chance.choices(parts if number % 3 else ASKING, k=chance.randrange(2, 6))
        texts.append("".join(chance.choices(some, k=CHARACTERS))[:CHARACTERS])
    for _ in range(MIXES // 10):
        first, many = chance.randrange(0x20, 0x2FF00), chance.choice((50, 2000, 20000))
        codes = [first + chance.randrange(many) for _ in range(CHARACTERS)]
        texts.append("".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000))
    return texts


def steps() -> dict[str, Callable[[str], object]]:
    table = WordTable(["what", "is", "the", "<unknown 0>"], np.zeros((4, 300), np.float16))
    words = KnownWords({"what": 9, "colour": 5}, 10)

    def check(text: str) -> None:
        with suppress(InvalidAsk):
            check_question(text, max_chars=CHARACTERS)

    def skill(text: str) -> None:
        skills._asked_for.cache_clear()
        skills.missing_skill(text)

    return {
        "check": check,
        "tokens": lambda text: table.read([text]),
        "skills": skill,
        "known words": words.outside,
        "log": printable_json,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ways, found = steps(), {}
    texts = hostile_questions()
    taken = {name: times_us(way, texts) for name, way in ways.items()}
    taken["all"] = [sum(times) for times in zip(*taken.values(), strict=True)]
    for name, times in taken.items():
        slowest = max(range(len(times)), key=times.__getitem__)
        found[name] = {
            "slowest_us": times[slowest],
            "median_us": statistics.median(times),
            "slowest": texts[slowest][:40],
        }
    if options.json:
        print(json.dumps(found))
        return
    print(f"{len(texts):,} questions of {CHARACTERS:,} characters")
    for name, one in found.items():
        print(
            f"{name:12} {one['slowest_us']:6.0f} µs the slowest, {one['median_us']:6.0f} median; {one['slowest']!r}"
        )


def times_us(way: Callable[[str], object], texts: list[str]) -> list[float]:
    times = [best_us(way, text) for text in texts]
    for at in sorted(range(len(texts)), key=times.__getitem__)[-LONGEST:]:
        times[at] = min(times[at], best_us(way, texts[at], turns=30))
    return times


def best_us(way: Callable[[str], object], text: str, *, turns: int = 3) -> float:
    runs = []
    for _ in range(turns):
        started = time.perf_counter()
        way(text)
        runs.append(time.perf_counter() - started)
    return 1e6 * min(runs)


if __name__ == "__main__":
    main()
