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
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .affixes import prefix_of, suffix_of
from .rules import PATTERNS, Rules

Match = Callable[[str], Any]
ALL = sys.maxsize  # of the tokens
_CHUNK = re.compile(r"(\S+) ?|\s+")  # \s is what str.isspace says, and spaCy
_NO_EXCEPTIONS: Mapping[str, tuple[str, ...]] = {}
_NO_SEQUENCES: Mapping[int, set[tuple[str, ...]]] = {}


def chunks_of(text: str) -> Iterator[tuple[str, bool]]:
    """Chunks in order, and of each whether a dropped blank follows it."""
    for found in _CHUNK.finditer(text):
        chunk = found[1] or found[0]
        yield chunk, len(chunk) < len(found[0])


class Splitter:
    """Texts to tokens by one language's rules. Thread-safe: what is kept of the last chunk is replaced as a whole.

    Making one compiles the patterns, some 30 ms; see `splitter_of`. Raises ValueError where one is no pattern.
    """

    def __init__(self, rules: Rules) -> None:
        for name in PATTERNS:
            try:
                re.compile(getattr(rules, name) or "")
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"the pattern {name!r} of {rules.source} is broken: {error}") from error
        self._exceptions = dict(rules.exceptions)
        self._longest_exception = max(map(len, self._exceptions), default=0)
        self._prefix, self._suffix = prefix_of(rules.prefix), suffix_of(rules.suffix, rules.suffix_reach)
        self._infixes = re.compile(rules.infix).finditer if rules.infix else None
        self._token_match = re.compile(rules.token_match).match if rules.token_match else None
        self._url_match = re.compile(_linear(rules.url_match)).match if rules.url_match else _nothing
        self._last: tuple[str, int, list[str]] = ("", 0, [])
        self._sequences: dict[
            str, dict[int, set[tuple[str, ...]]]
        ] = {}  # by their first token and their length
        for text in self._exceptions:
            if not rules.affix_exceptions_only or " " in text or self._has_affix(text):
                sequence = tuple(
                    part for chunk, _ in chunks_of(text) for part in self._cut(chunk, _NO_EXCEPTIONS)
                )
                self._sequences.setdefault(sequence[0], {}).setdefault(len(sequence), set()).add(sequence)
        self.joined = frozenset(token for sequence in self._all_sequences() for token in sequence)
        self.bridges = self._tokens_that_bridge()
        self._longest_sequence = max(map(len, self._all_sequences()), default=1)
        self._beyond = 2 * self._longest_sequence  # tokens that step 3 looks at beyond those that it tells

    def texts(self, text: str, most: int = ALL) -> list[str]:
        """The text's tokens, the first `most` of them; all joined are the text without the blanks that step 1 drops."""
        tokens: list[str] = []
        spaced: list[bool] = []
        for chunk, blank in chunks_of(text):
            tokens += self._cut_once(chunk, ALL)
            spaced += [False] * (len(tokens) - len(spaced) - 1) + [blank]
        return self._put_right(tokens, spaced)[:most]

    def chunk(self, chunk: str, most: int = ALL) -> tuple[list[str], bool]:
        """The first `most` tokens of one chunk before step 3, and whether step 3 could change them in some text."""
        tokens = self._cut_once(chunk, self.enough(most))
        seen = tokens[: most + self._beyond]
        changed = any(
            self._exceptions.get("".join(seen[start:end]), tuple(seen[start:end])) != tuple(seen[start:end])
            for start, end in self._found(seen)
        )
        return tokens[:most], changed or not self.bridges.isdisjoint(seen)

    def enough(self, most: int) -> int:
        """So many tokens of a text before step 3 tell its first `most` tokens after it."""
        return min(ALL, most * self._longest_sequence + self._beyond)

    def _cut_once(self, chunk: str, most: int) -> list[str]:
        """As `_cut`; asked twice in a row where a chunk turns out to depend on others."""
        last = self._last
        if last[:2] != (chunk, most):
            last = self._last = (chunk, most, self._cut(chunk, self._exceptions, most))
        return last[2]

    def _all_sequences(self) -> Iterator[tuple[str, ...]]:
        return (one for group in self._sequences.values() for ones in group.values() for one in ones)

    def _has_affix(self, text: str) -> bool:
        infixes = self._infixes and next(self._infixes(text), None)
        return bool(self._prefix(text) or self._suffix(text) or infixes)

    def _cut(self, chunk: str, exceptions: Mapping[str, tuple[str, ...]], most: int = ALL) -> list[str]:
        """A chunk's first `most` tokens: suffixes are all cut off, since what stands before them depends on that."""
        begins: list[str] = []
        ends: list[str] = []  # the last one first
        text, before, longest = (
            chunk,
            -1,
            self._longest_exception,
        )  # to make a key of a long text takes a while
        while text and len(text) != before and len(begins) < most:
            text = self._less_marks(text, ends)
            before = len(text)
            if (before <= longest and text in exceptions) or self._is_token(text):
                break
            begin = self._prefix(text)
            if begin and before - begin <= longest and text[begin:] in exceptions:
                begins.append(text[:begin])
                text = text[begin:]
                break
            end = before - self._suffix(
                text[begin:] if begin else text
            )  # which does not see what stands before it
            if end < before and end <= longest and text[:end] in exceptions:
                ends.append(text[end:])
                text = text[:end]
                break
            if begin:
                begins.append(text[:begin])
            if end < before:
                ends.append(text[end:])
            text = text[begin:end]
        if len(begins) >= most:
            return begins[:most]
        return [*begins, *self._middle(text, exceptions, most - len(begins)), *reversed(ends)][:most]

    def _less_marks(self, text: str, ends: list[str]) -> str:
        """Several turns at once: a long text less its suffixes, where it has no prefix whatever follows its start."""
        least, end = self._longest_exception, len(text)
        if end > least and self._token_match is None and self._prefix.kind(text[0]) == 0:
            while end > least:
                length = self._suffix.kind(text[end - 1])
                length = length if isinstance(length, int) else length(text[:end])
                if not length or end - length <= least:
                    break
                ends.append(text[end - length : end])
                end -= length
        return text[:end]

    def _is_token(self, text: str) -> bool:
        return self._token_match is not None and self._token_match(text) is not None

    def _middle(self, text: str, exceptions: Mapping[str, tuple[str, ...]], most: int) -> Sequence[str]:
        if not text:
            return ()
        if text in exceptions:
            return exceptions[text]
        if self._infixes is None or self._is_token(text) or self._url_match(text):
            return (text,)
        tokens: list[str] = []
        start = 0
        for infix in self._infixes(text):
            if infix.start() > 0:
                tokens += [token for token in (text[start : infix.start()], infix[0]) if token]
                start = infix.end()
            if len(tokens) >= most:
                return tokens[:most]
        return [*tokens, text[start:]] if start < len(text) else tokens

    def _found(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """Where exceptions stand as several tokens, each as (start, end)."""
        return [
            (start, start + length)
            for start, token in enumerate(tokens)
            for length, sequences in self._sequences.get(token, _NO_SEQUENCES).items()
            if tuple(tokens[start : start + length]) in sequences
        ]

    def _put_right(self, tokens: list[str], spaced: list[bool]) -> list[str]:
        """Step 3."""
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
        several = [sequence for sequence in self._all_sequences() if len(sequence) > 1]
        return frozenset(token for sequence in several for token in sequence)


def _nothing(text: str) -> None:
    return None


def _linear(url_match: str) -> str:
    """The same pattern without a part of spaCy's that takes the square of the time: \\S+ holds colons too."""
    return url_match.replace(r"(?:\S+(?::\S*)?@)?", r"(?:\S+@)?")


@lru_cache(maxsize=8)
def splitter_of(rules: Rules) -> Splitter:
    """One splitter for all who use the same rules."""
    return Splitter(rules)
