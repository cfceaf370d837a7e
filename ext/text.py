"""Where a question is cut into tokens: the readable rules, which _words.pyx repeats for ASCII.

1. Lower-case the question if asked to, and split it at Unicode white space into chunks.
2. From the right end of a chunk take contractions ("n't", "'s" ...) and punctuation, a token each.
3. From the left end take punctuation, a token each, unless what is left is one contraction ("'s" alone).
4. Cut what is left at each hyphen between two letters or two digits; the hyphen is a token.
"""

from __future__ import annotations

import re
import unicodedata

_CONTRACTION = re.compile(r"(?:n['’]t|['’](?:s|d|m|re|ve|ll))\Z", re.IGNORECASE | re.ASCII)
_LONGEST_CONTRACTION = 3
_HYPHENS = "-–—"


def split_tokens(question: str, *, lower: bool) -> list[str]:
    """The tokens of one question, in order; their text joined is the question without its white space."""
    if lower:
        question = question.lower()
    return [token for chunk in question.split() for token in _split_chunk(chunk)]


def _split_chunk(chunk: str) -> list[str]:
    begin, end = 0, len(chunk)
    ends: list[str] = []  # from the right end, the last one first
    while end:
        contraction = _CONTRACTION.search(chunk[max(0, end - _LONGEST_CONTRACTION) : end])
        length = len(contraction[0]) if contraction else 0
        if not 0 < length < end:
            if not is_punctuation(chunk[end - 1]):
                break
            length = 1
        ends.append(chunk[end - length : end])
        end -= length
    begins: list[str] = []
    while begin < end and is_punctuation(chunk[begin]) and not _CONTRACTION.fullmatch(chunk, begin, end):
        begins.append(chunk[begin])
        begin += 1
    return [*begins, *_split_hyphens(chunk[begin:end]), *reversed(ends)]


def _split_hyphens(core: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for at in range(1, len(core) - 1):
        if core[at] in _HYPHENS and _same_kind(core[at - 1], core[at + 1]):
            pieces += [core[start:at], core[at]]
            start = at + 1
    return [*pieces, core[start:]] if core else []


def _same_kind(left: str, right: str) -> bool:
    return (left.isalpha() and right.isalpha()) or (left.isdecimal() and right.isdecimal())


def is_punctuation(character: str) -> bool:
    """Punctuation or a symbol (emoji, currency and mathematical signs among them) as Unicode has it."""
    return unicodedata.category(character)[0] in "PS"
