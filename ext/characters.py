"""What becomes of each character before a question is cut into words, as BERT's tokenizer has it.

`words_of` tells it in Python, by the `unicodedata` of the Python that runs; `character_table` is the same for C. The
rules are those of Hugging Face's `tokenizers` (BertNormalizer and BertPreTokenizer), whose tables are of an older
Unicode: docs/tokenizer.md says where that shows.
"""

from __future__ import annotations

import itertools
import string
import unicodedata
from array import array
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Each a word of its own. The sixth range begins at 2B920 in `tokenizers`, and at 2B820 in BERT's first code.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
WHITE_CONTROLS = "\t\n\r"
CODES = 0x110000
PRIVATE = ((0xE000, 0xF900), (0xF0000, 0xFFFFE), (0x100000, 0x10FFFE))  # all of category Co
HANGUL = (0xAC00, 0xD7A4)  # these are cut by arithmetic (Unicode, section 3.12)
# The code points that are looked at one by one. All others are ideographs, Hangul, surrogates, private or unassigned.
TOLD = (
    (0, 0x3400),
    (0x4DC0, 0x4E00),
    (0xA000, 0xAC00),
    (0xD7A4, 0xD800),
    (0xF900, 0x20000),
    (0x2F800, 0x2FA20),
    (0xE0000, 0xE1000),
)


def words_of(text: str, *, lower: bool, strip: str = "") -> Iterator[str]:
    """The words of a text, marks each by itself, all as they are looked up; characters of `strip` are not seen."""
    text = "".join(character for character in text if character not in strip and not is_removed(character))
    text = "".join(f" {character} " if is_ideograph(character) else character for character in text)
    if lower:
        text = "".join(
            character.lower()
            for character in unicodedata.normalize("NFD", text)
            if unicodedata.category(character) != "Mn"
        )
    for chunk in text.split():
        yield from "".join(
            f" {character} " if is_mark(character) else character for character in chunk
        ).split()


def is_removed(character: str) -> bool:
    """Control and format characters, those for private use, and the one that stands for what was not readable."""
    if character in WHITE_CONTROLS:
        return False
    return character == "\N{REPLACEMENT CHARACTER}" or unicodedata.category(character) in ("Cc", "Cf", "Co")


def is_ideograph(character: str) -> bool:
    """Chinese, Japanese and Korean ideographs; kana and Hangul are letters like others."""
    return character >= "\u3400" and any(first <= ord(character) <= last for first, last in IDEOGRAPHS)


def is_mark(character: str) -> bool:
    """Punctuation, and all of ASCII that is neither a letter nor a digit."""
    return character in string.punctuation or unicodedata.category(character)[0] == "P"


class Kind(IntEnum):
    """What a character is to the C code, which has the same numbers (ext/characters.h)."""

    KEPT = 0  # in a word, as it is
    DROPPED = 1  # as if it were not there
    BREAK = 2  # dropped, but marks before and after it keep their order
    MARK = 3  # kept, in order of its value, its combining class
    SPACE = 4
    ALONE = 5  # a word of its own: itself, or the text that its value numbers
    MAPPED = 6  # in a word, as the text that its value numbers
    HANGUL = 7  # in a word, as its two or three letters


class CharacterTable(NamedTuple):
    """Entries of all code points, in blocks of which the same are stored once; see ext/characters.h."""

    blocks: NDArray[np.uint16]  # [0x110000 / BLOCK]: which block of `entries` has these code points
    entries: NDArray[np.uint16]  # [blocks * BLOCK]: a Kind in the lower 3 bits, above it its value
    starts: NDArray[np.uint16]  # [texts + 1]: where text i begins in `mapped`; text 0 is not used
    mapped: NDArray[np.uint32]  # code points


BLOCK = 128
MOST_TEXTS = 1 << 13


@lru_cache(maxsize=8)
def character_table(*, lower: bool, strip: str = "") -> CharacterTable:
    """The table for C, made once for all who ask for the same; some 100 KB, in about a fifth of a second."""
    entries = np.full(CODES, Kind.KEPT, np.uint16)
    for first, last in IDEOGRAPHS:
        entries[first : last + 1] = Kind.ALONE
    for first, end in PRIVATE:
        entries[first:end] = Kind.DROPPED
    if lower:
        entries[HANGUL[0] : HANGUL[1]] = Kind.HANGUL
    texts = [""]
    for code in itertools.chain(*itertools.starmap(range, TOLD)):
        if unicodedata.category(chr(code)) in ("Lo", "Cn") and not unicodedata.decomposition(chr(code)):
            continue  # most of them: no case, nothing to cut off
        kind, text = _entry(chr(code), lower=lower)
        value = 0
        if kind is Kind.MARK:
            value = unicodedata.combining(text)
        elif text != chr(code) and kind in (Kind.ALONE, Kind.MAPPED):
            value = len(texts)
            texts.append(text)
        entries[code] = kind | value << 3
    assert len(texts) < MOST_TEXTS
    for character in strip:
        entries[ord(character)] = Kind.DROPPED
    known: dict[bytes, int] = {}
    blocks = [known.setdefault(block.tobytes(), len(known)) for block in entries.reshape(-1, BLOCK)]
    starts = np.cumsum([0, *map(len, texts)])
    return CharacterTable(
        np.array(blocks, np.uint16),
        np.frombuffer(b"".join(known), np.uint16),
        starts.astype(np.uint16),
        np.array(array("I", "".join(texts).encode("utf-32-le")), np.uint32),
    )


def _entry(character: str, *, lower: bool) -> tuple[Kind, str]:
    """A character's kind, and the text that it becomes."""
    if is_removed(character):
        return Kind.DROPPED, ""
    if character.isspace():
        return Kind.SPACE, ""
    parts = unicodedata.normalize("NFD", character) if lower else character
    kept = [part for part in parts if not lower or unicodedata.category(part) != "Mn"]
    text = "".join(part.lower() if lower else part for part in kept)
    if not text:
        return Kind.DROPPED if all(map(unicodedata.combining, parts)) else Kind.BREAK, ""
    if is_ideograph(character) or any(map(is_mark, text)):
        return Kind.ALONE, text
    if lower and text == character and unicodedata.combining(character):
        return Kind.MARK, text
    return Kind.KEPT if text == character else Kind.MAPPED, text
