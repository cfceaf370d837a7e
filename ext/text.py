"""Where a text is cut into tokens: spaCy 3.8's algorithm (spacy/tokenizer.pyx), to read and to compare with.

1. Cut the text into runs of white space and of other characters; the blank after a run of others is dropped.
2. Each run is a chunk. Off its two ends come prefixes and suffixes, one of each a turn, until an exception, a
   `token_match`, or nothing to cut is left; that rest is the exception's tokens, one token (as a URL is), or what
   infixes cut it into.
3. Exceptions that end up as several tokens this way ("e.g" "." in "x/e.g.") are put right in the whole text: longer
   ones first, then earlier ones. Only here do neighbouring chunks matter to one another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .rules import PATTERNS, Rules

Match = Callable[[str], Any]
_CHUNK = re.compile(r"(\S+) ?|\s+")  # \s is what str.isspace says, and spaCy
_NO_EXCEPTIONS: Mapping[str, tuple[str, ...]] = {}


def chunks_of(text: str) -> Iterator[tuple[str, bool]]:
    """Chunks in order, and of each whether a dropped blank follows it."""
    for found in _CHUNK.finditer(text):
        chunk = found[1] or found[0]
        yield chunk, len(chunk) < len(found[0])


class Splitter:
    """Texts to tokens by one language's rules. Thread-safe: nothing is kept from one text to the next.

    Making one compiles the patterns, some 30 ms; see `splitter_of`. Raises ValueError where one is no pattern.
    """

    def __init__(self, rules: Rules) -> None:
        for name in PATTERNS:
            try:
                re.compile(getattr(rules, name) or "")
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"the pattern {name!r} of {rules.source} is broken: {error}") from error
        self._exceptions = dict(rules.exceptions)
        self._prefix, self._suffix = _search(rules.prefix), _search(rules.suffix, rules.suffix_reach)
        self._infixes = re.compile(rules.infix).finditer if rules.infix else None
        self._token_match, self._url_match = (
            re.compile(pattern).match if pattern else _nothing
            for pattern in (rules.token_match, rules.url_match)
        )
        self._sequences: dict[str, list[tuple[str, ...]]] = {}  # by their first token
        for text in self._exceptions:
            if not rules.affix_exceptions_only or " " in text or self._has_affix(text):
                sequence = tuple(
                    part for chunk, _ in chunks_of(text) for part in self._cut(chunk, _NO_EXCEPTIONS)
                )
                self._sequences.setdefault(sequence[0], []).append(sequence)
        self.joined = frozenset(token for group in self._sequences.values() for one in group for token in one)
        self.bridges = self._tokens_that_bridge()

    def texts(self, text: str) -> list[str]:
        """The text's tokens; joined they are the text without the blanks that step 1 drops."""
        tokens: list[str] = []
        spaced: list[bool] = []
        for chunk, blank in chunks_of(text):
            tokens += self._cut(chunk, self._exceptions)
            spaced += [False] * (len(tokens) - len(spaced) - 1) + [blank]
        return self._put_right(tokens, spaced)

    def chunk(self, chunk: str) -> tuple[list[str], bool]:
        """The tokens of one chunk before step 3, and whether step 3 could change them in some text or other."""
        tokens = self._cut(chunk, self._exceptions)
        joined = ["".join(tokens[start:end]) for start, end in self._found(tokens)]
        spans = zip(joined, self._found(tokens), strict=True)
        changed = any(
            self._exceptions.get(text, tuple(tokens[start:end])) != tuple(tokens[start:end])
            for text, (start, end) in spans
        )
        return tokens, changed or not self.bridges.isdisjoint(tokens)

    def _has_affix(self, text: str) -> bool:
        infixes = self._infixes and next(self._infixes(text), None)
        return bool(self._prefix(text) or self._suffix(text) or infixes)

    def _cut(self, chunk: str, exceptions: Mapping[str, tuple[str, ...]]) -> list[str]:
        begins: list[str] = []
        ends: list[str] = []  # the last one first
        text, before = chunk, ""
        while text and text != before:
            if text in exceptions or self._token_match(text):
                break
            before = text
            begin = self._prefix(text)
            if begin and text[begin:] in exceptions:
                begins.append(text[:begin])
                text = text[begin:]
                break
            end = len(text) - self._suffix(text[begin:])  # which does not see what stands before it
            if end < len(text) and text[:end] in exceptions:
                ends.append(text[end:])
                text = text[:end]
                break
            begins += [text[:begin]] if begin else []
            ends += [text[end:]] if end < len(text) else []
            text = text[begin:end]
        return [*begins, *self._middle(text, exceptions), *reversed(ends)]

    def _middle(self, text: str, exceptions: Mapping[str, tuple[str, ...]]) -> Sequence[str]:
        if not text:
            return ()
        if text in exceptions:
            return exceptions[text]
        if self._infixes is None or self._token_match(text) or self._url_match(text):
            return (text,)
        tokens: list[str] = []
        start = 0
        for infix in self._infixes(text):
            if infix.start() > 0:
                tokens += [text[start : infix.start()], infix[0]]
                start = infix.end()
        return [token for token in (*tokens, text[start:]) if token]

    def _found(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """Where exceptions stand as several tokens, each as (start, end)."""
        return [
            (start, start + len(sequence))
            for start, token in enumerate(tokens)
            for sequence in self._sequences.get(token, ())
            if tuple(tokens[start : start + len(sequence)]) == sequence
        ]

    def _put_right(self, tokens: list[str], spaced: list[bool]) -> list[str]:
        taken: set[int] = set()
        chosen: dict[int, int] = {}
        for start, end in sorted(self._found(tokens), key=lambda span: (span[0] - span[1], span[0])):
            if start not in taken and end - 1 not in taken:
                chosen[start] = end
            taken.update(range(start, end))  # also by what is not chosen
        done: list[str] = []
        at = 0
        while at < len(tokens):
            end = chosen.get(at, at + 1)
            text = "".join(
                token + " " * blank for token, blank in zip(tokens[at:end], spaced[at:end], strict=True)
            )
            text = text[:-1] if spaced[end - 1] else text
            done += self._exceptions.get(text, tokens[at:end]) if at in chosen else tokens[at:end]
            at = end
        return done

    def _tokens_that_bridge(self) -> frozenset[str]:
        """Tokens by which a sequence may reach from one chunk into the next and still be an exception's text."""
        if not any(
            len(text.split()) > 1 or (text.split() and text.split()[0] != text) for text in self._exceptions
        ):
            return frozenset()  # no exception has white space beside other characters, as in "z. B."
        several = [sequence for group in self._sequences.values() for sequence in group if len(sequence) > 1]
        return frozenset(token for sequence in several for token in sequence)


def _nothing(text: str) -> None:
    return None


def _search(pattern: str | None, reach: int | None = None) -> Callable[[str], int]:
    """The length of a pattern's first match; 0 without one. `reach` as Rules.suffix_reach."""
    if pattern is None:
        return lambda text: 0
    search = re.compile(pattern).search

    def length(text: str) -> int:
        start = (
            max(0, len(text) - reach - 1) if reach else 0
        )  # one more, since $ also stands before a last newline
        found = search(text, start)
        if found and found.start() == start > 0:  # a run, which may begin sooner
            found = search(text)
        return found.end() - found.start() if found else 0

    return length


@lru_cache(maxsize=8)
def splitter_of(rules: Rules) -> Splitter:
    """One splitter for all who use the same rules."""
    return Splitter(rules)
