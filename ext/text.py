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

from .affixes import prefix_of, suffix_of
from .rules import PATTERNS, Rules

Match = Callable[[str], Any]
_CHUNK = re.compile(r"(\S+) ?|\s+")  # \s is what str.isspace says, and spaCy
_NO_EXCEPTIONS: Mapping[str, tuple[str, ...]] = {}
_NO_SEQUENCES: Mapping[int, set[tuple[str, ...]]] = {}


def chunks_of(text: str) -> Iterator[tuple[str, bool]]:
    """Chunks in order, and of each whether a dropped blank follows it."""
    for found in _CHUNK.finditer(text):
        chunk = found[1] or found[0]
        yield chunk, len(chunk) < len(found[0])


class Splitter:
    """Texts to tokens by one language's rules, slowly; thread-safe. FastSplitter in cutting.py does the same fast.

    Making one compiles the patterns, some 30 ms; see `splitter_of`. Raises ValueError where one is no pattern.
    """

    def __init__(self, rules: Rules) -> None:
        for name in PATTERNS:
            try:
                re.compile(getattr(rules, name) or "")
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"the pattern {name!r} of {rules.source} is broken: {error}") from error
        self._exceptions = dict(rules.exceptions)
        self._prefix, self._suffix = prefix_of(rules.prefix), suffix_of(rules.suffix, rules.suffix_reach)
        self._infixes = re.compile(rules.infix).finditer if rules.infix else None
        self._token_match = re.compile(rules.token_match).match if rules.token_match else None
        self._url_match = re.compile(rules.url_match).match if rules.url_match else _nothing
        # By their first token and their length.
        self._sequences: dict[str, dict[int, set[tuple[str, ...]]]] = {}
        for text in self._exceptions:
            if not rules.affix_exceptions_only or " " in text or self._has_affix(text):
                sequence = tuple(
                    part for chunk, _ in chunks_of(text) for part in self._cut(chunk, _NO_EXCEPTIONS)
                )
                self._sequences.setdefault(sequence[0], {}).setdefault(len(sequence), set()).add(sequence)
        self.joined = frozenset(token for sequence in self._all_sequences() for token in sequence)
        self.bridges = self._tokens_that_bridge()

    def texts(self, text: str) -> list[str]:
        """The text's tokens; all joined are the text without the blanks that step 1 drops."""
        tokens: list[str] = []
        spaced: list[bool] = []
        for chunk, blank in chunks_of(text):
            tokens += self._cut(chunk, self._exceptions)
            spaced += [False] * (len(tokens) - len(spaced) - 1) + [blank]
        return self._put_right(tokens, spaced)

    def chunk(self, chunk: str) -> tuple[list[str], bool]:
        """The tokens of one chunk before step 3, and whether step 3 could change them in some text."""
        tokens = self._cut(chunk, self._exceptions)
        return tokens, self._may_change(tokens)

    def _may_change(self, tokens: Sequence[str]) -> bool:
        changed = any(
            self._exceptions.get("".join(tokens[start:end]), tuple(tokens[start:end]))
            != tuple(tokens[start:end])
            for start, end in self._found(tokens)
        )
        return changed or not self.bridges.isdisjoint(tokens)

    def _all_sequences(self) -> Iterator[tuple[str, ...]]:
        return (one for group in self._sequences.values() for ones in group.values() for one in ones)

    def _has_affix(self, text: str) -> bool:
        infix = self._infixes and next(self._infixes(text), None)
        return bool(self._prefix(text) or self._suffix(text) or infix)

    def _cut(self, chunk: str, exceptions: Mapping[str, tuple[str, ...]]) -> list[str]:
        begins: list[str] = []
        ends: list[str] = []  # the last one first
        text, before = chunk, -1
        while text and len(text) != before:
            before = len(text)
            if text in exceptions or self._is_token(text):
                break
            begin = self._prefix(text)
            if begin and text[begin:] in exceptions:
                begins.append(text[:begin])
                text = text[begin:]
                break
            end = before - self._suffix(text[begin:])  # which does not see what stands before it
            if end < before and text[:end] in exceptions:
                ends.append(text[end:])
                text = text[:end]
                break
            if begin:
                begins.append(text[:begin])
            if end < before:
                ends.append(text[end:])
            text = text[begin:end]
        return [*begins, *self._middle(text, exceptions), *reversed(ends)]

    def _is_token(self, text: str) -> bool:
        return self._token_match is not None and self._token_match(text) is not None

    def _middle(self, text: str, exceptions: Mapping[str, tuple[str, ...]]) -> Sequence[str]:
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


@lru_cache(maxsize=8)
def splitter_of(rules: Rules) -> Splitter:
    """One splitter for all who use the same rules."""
    return Splitter(rules)
