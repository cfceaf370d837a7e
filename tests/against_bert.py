"""Hold the tables of word pieces against Hugging Face's `tokenizers`: real questions and generated texts, row by row.

    python tests/against_bert.py [--count 200000] [--seed 1] [--questions FILE ...]

A file has a question a line, or the column `question` of a .tsv. The vocabulary is made of the texts' own words and
letters. Cased and uncased are asked, compiled and, about every tenth text, the twin. Left out of the texts are the
characters that the two take for something else because their Unicode is of another year, by `of_other_unicode`. Ends
with 1 and shows the first differences if there are any. 200,000 texts take about two minutes.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from against_spacy import read_questions
from odd_texts import odd_texts
from tokenizers import Tokenizer
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from asksight.ext import PyWordPieceTable, WordPieceTable
from asksight.ext.characters import words_of

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LIMIT = 24
SHOWN = 10
# Words that meet the rules of WordPiece at their edges.
EDGES = (
    *(
        "[SEP]",
        "[UNK]",
        "##s",
        "#",
        "a##s",
        "[CLS",
        "\ufffd",
        "≠",
        "≮x",
        "a\u037eb",
        "`x´",
        "$5",
        "a+b",
        "x²",
    ),
    *(
        "각",
        "가나다",
        "힣\u0301",
        "\u1100\u1161\u11a8",
        "か゛",
        "ガ",
        "が",
        "豈",
        "\U0002f800",
        "中a国",
        "々",
        "〇",
        "、",
    ),
    *(
        "Å",
        "\u212b",
        "A\u030a",
        "ſ",
        "ẞ",
        "İi",
        "ΑΣ",
        "ǅ",
        "ﬁ",
        "ờ",
        "o\u031b\u0300",
        "q\u0307\u0323",
        "\u0958",
    ),
    *(
        "\U0001d15e",
        "\U0001d160\U0001d16d",
        "\U0001d157\U0001d16e\U0001d165",
        "a\u302e\u302f\U0001d165",
        "\u0ccb",
    ),
    *(
        "a\u200db",
        "a\u00adb",
        "a\u0085b",
        "a\x00b",
        "a\u2028b",
        "\ue000",
        "\U000f0000",
        "x\u0344y",
        "\u1b44\u1bf3",
    ),
)


class Difference(NamedTuple):
    text: str
    lower: bool
    right: list[int]
    ours: list[int]


def vocabulary_of(texts: Iterable[str], count: int) -> list[str]:
    """Some `count` pieces: the special ones, all letters of the commonest, and words and their ends by how common."""
    words = Counter(word for text in texts for lower in (False, True) for word in words_of(text, lower=lower))
    letters = Counter(letter for word in words for letter in word)
    pieces = [*SPECIAL]
    for letter, _ in letters.most_common(count // 4):
        pieces += [letter, f"##{letter}"]
    common = [word for word, _ in words.most_common(count) if 1 < len(word) < 20]
    pieces += common[::2]  # others are to be cut
    pieces += [f"##{word[cut:]}" for cut, word in enumerate(common[: count // 8], 1) if word[cut % 5 + 1 :]]
    pieces += [word[:3] for word in common[1::2]] + [f"##{word[-3:]}" for word in common[1::2]]
    return [piece for piece in dict.fromkeys(pieces) if piece != "##"][:count]


def piece_texts(seed: int) -> Iterator[str]:
    """Odd texts, half of them with a word put in that WordPiece has rules for. Never ends."""
    chance = random.Random(seed)
    for text in odd_texts(seed):
        if chance.random() < 0.5:
            yield text
            continue
        at = chance.randrange(len(text) + 1)
        edge = "".join(chance.choices(EDGES, k=chance.randrange(1, 4)))
        if chance.random() < 0.1:  # words have up to 100 characters
            edge = chance.choice(("a", "é", "中", "\U0001d157", "가", "e\u0301", edge)) * chance.choice(
                (33, 50, 100, 101)
            )
        yield text[:at] + edge + text[at:]


def bert(pieces: Sequence[str], *, lower: bool) -> Tokenizer:
    """BERT's tokenizer, which takes "[SEP]" in a text for text."""
    rows = {piece: row for row, piece in enumerate(pieces)}
    tokenizer: Tokenizer = BertWordPieceTokenizer(rows, lowercase=lower)._tokenizer
    tokenizer.enable_truncation(LIMIT)
    tokenizer.encode_special_tokens = True
    return tokenizer


def of_other_unicode(characters: Iterable[str], *, lower: bool) -> set[str]:
    """Those that alone, between letters, become other words there than here.

    Most are marks and punctuation that Unicode got after the year of the tables there (8.0, 2015), where they are
    letters; or the other way around, lower case that the Unicode of this Python does not know yet. Each must be one
    of these, or this raises ValueError.
    """
    normalizer, splitter = BertNormalizer(lowercase=lower), BertPreTokenizer()
    found = set()
    for character in characters:
        text = f"a{character}b"
        theirs = [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]
        if theirs == list(words_of(text, lower=lower)):
            continue
        category = unicodedata.category(character)
        if theirs != [text] and category != "Cn" and character not in CHANGED:
            raise ValueError(f"U+{ord(character):04X} ({category}) becomes {theirs!a} and not by its Unicode")
        found.add(character)
    return found


# Their category changed: punctuation and a mark that became another, or the other way around.
CHANGED = "\u166d\u1734\U000111c9"


def differences(texts: Iterable[str], pieces: Sequence[str], *, twin_every: int = 10) -> Iterator[Difference]:
    """Texts whose rows differ from those of `tokenizers`; each character that is of another Unicode is left out."""
    vectors = np.zeros((len(pieces), 1), np.float32)
    for lower in (True, False):
        right = bert(pieces, lower=lower)
        named: Any = {"unknown": 1, "first": 2, "last": 3, "limit": LIMIT, "lower": lower}
        compiled = WordPieceTable(pieces, vectors, **named)
        twin = PyWordPieceTable(pieces, vectors, **named)
        seen: set[str] = set()
        other: set[str] = set()
        for number, text in enumerate(texts):
            new = {*text} - seen
            seen |= new
            other |= of_other_unicode(new, lower=lower)
            if not other.isdisjoint(text):
                text = "".join(character for character in text if character not in other)
            ids = right.encode(text).ids
            for table in (compiled, twin)[: 1 if number % twin_every else 2]:
                rows = table.rows([text])[0][0].tolist()
                if rows != ids:
                    yield Difference(text, lower, ids, rows)
                    break


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--questions", type=Path, nargs="*", default=[])
    options = parser.parse_args(arguments)
    parts = [(str(path), read_questions(path)) for path in options.questions]
    parts.append((f"generated with seed {options.seed}", [*islice(piece_texts(options.seed), options.count)]))
    failed = 0
    for name, texts in parts:
        started_s = time.perf_counter()
        pieces = vocabulary_of(texts, 5000)
        found = [*differences(texts, pieces)]
        for one in found[:SHOWN]:
            right, ours = ([pieces[row] for row in rows] for rows in (one.right, one.ours))
            case = "uncased" if one.lower else "cased"
            print(f"{one.text!a}, {case}\n  BERT {right!a}\n  ours {ours!a}")
        taken_s = time.perf_counter() - started_s
        print(f"{name}: {len(found)} differences in {len(texts):,} texts, {taken_s:.0f} s", flush=True)
        failed += len(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
