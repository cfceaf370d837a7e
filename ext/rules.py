"""A language's tokenizer rules as spaCy has them, in a file of JSON that needs no spaCy to be read."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

SCHEMA = 1
PATTERNS = ("prefix", "suffix", "infix", "token_match", "url_match")
ENGLISH = Path(__file__).parent / "english.json"  # made by training/vectors/spacy_rules.py from spaCy 3.8


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What makes one spaCy tokenizer differ from another; immutable. Patterns are Python regular expressions.

    Raises ValueError where the parts of an exception are not its text; patterns are compiled on first use, since
    that takes longer than all else (text.py).
    """

    source: str  # for people, as in "spaCy 3.8.7, en"
    exceptions: Mapping[str, tuple[str, ...]]  # text → its tokens, which joined are the text
    prefix: str | None  # searched in what is left of a chunk: its match is cut off the front
    suffix: str | None  # the same at the end
    infix: str | None  # found in the middle
    token_match: str | None  # what matches is one token, whatever the affixes say
    url_match: str | None  # the same, once the affixes are off
    affix_exceptions_only: bool = True  # spaCy's faster_heuristics; see Splitter

    # Proved of the patterns when the rules are exported, by training/vectors/rule_proofs.py:
    plain_ends: (
        str | None
    )  # marks that are a token of their own after ASCII letters; None: letters may be cut
    suffix_reach: int | None  # characters at a text's end that tell its suffix; None: look at all

    def __post_init__(self) -> None:
        for text, parts in self.exceptions.items():
            if not text or "".join(parts) != text or "" in parts:
                raise ValueError(f"the exception {text!r} must be cut into its own text, not into {parts!r}")
        if not set(self.plain_ends or "") <= set(string.punctuation):
            raise ValueError(f"plain_ends must be ASCII punctuation, not {self.plain_ends!r}")
        if self.suffix_reach is not None and self.suffix_reach < 1:
            raise ValueError(f"suffix_reach must be at least 1, not {self.suffix_reach}")
        object.__setattr__(self, "exceptions", MappingProxyType(dict(self.exceptions)))

    def __hash__(self) -> int:
        return hash((self.source, self.prefix, self.suffix, self.infix, len(self.exceptions)))

    def plain_exceptions(self) -> dict[str, tuple[str, ...]]:
        """Those of ASCII letters, apostrophes and plain ends: their tokens are the same beside any neighbour."""
        plain = frozenset(string.ascii_letters + "'’" + (self.plain_ends or ""))
        return {text: parts for text, parts in self.exceptions.items() if plain.issuperset(text)}


def chosen_rules(rules: Rules | str | None) -> Rules:
    """Rules, or the text of a file of them, or spaCy's English for None. Raises ValueError."""
    return english() if rules is None else parse_rules(rules) if isinstance(rules, str) else rules


def dump_rules(rules: Rules) -> str:
    """The file's text: the same for the same rules."""
    tree = {field.name: getattr(rules, field.name) for field in fields(rules)}
    tree["exceptions"] = {text: list(parts) for text, parts in sorted(rules.exceptions.items())}
    return json.dumps({"schema": SCHEMA} | tree, ensure_ascii=False, indent=0) + "\n"


def parse_rules(text: str) -> Rules:
    """The reverse of `dump_rules`; raises ValueError, which says what is wrong, on any other text."""
    try:
        tree = json.loads(text)
    except RecursionError as error:
        raise ValueError("the rules are nested too deeply") from error
    if not isinstance(tree, dict) or tree.pop("schema", None) != SCHEMA:
        raise ValueError(f"the rules must be a JSON object of schema {SCHEMA}")
    if wrong := tree.keys() ^ Rules.__dataclass_fields__.keys():
        raise ValueError(f"the rules miss, or have too much: {', '.join(sorted(wrong))}")
    if not _well_typed(tree):
        raise ValueError("the rules hold a value of another kind than docs/bundle.md says")
    exceptions = {text: tuple(parts) for text, parts in tree.pop("exceptions").items()}
    return Rules(exceptions=exceptions, **tree)


def read_rules(path: Path) -> Rules:
    """Raises OSError, or ValueError where the file holds no rules."""
    return parse_rules(path.read_bytes().decode())


@cache
def english() -> Rules:
    """spaCy 3.8's English, for tables and bundles that bring no rules of their own."""
    return read_rules(ENGLISH)


def _well_typed(tree: Mapping[str, Any]) -> bool:
    exceptions = tree["exceptions"]
    return (
        isinstance(tree["source"], str)
        and isinstance(tree["affix_exceptions_only"], bool)
        and all(isinstance(tree[name], str | None) for name in PATTERNS)
        and isinstance(tree["plain_ends"], str | None)
        and (tree["suffix_reach"] is None or type(tree["suffix_reach"]) is int)
        and isinstance(exceptions, dict)
        and all(isinstance(parts, list) for parts in exceptions.values())
        and all(isinstance(part, str) for parts in exceptions.values() for part in parts)
    )
