"""spaCy's tokenizer rules, out of spaCy and into a file that serving reads without it."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from asksight.ext import Rules, Splitter, dump_rules

from ..errors import ExportError
from .rule_proofs import plain_ends, suffix_reach

FLAGS = (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL), ("x", re.VERBOSE), ("a", re.ASCII))


def spacy_rules(language: str = "en") -> Rules:
    """The rules of the installed spaCy's blank tokenizer of a language, as in "en" or "de".

    Raises ExportError where spaCy is missing, or the language is none or is not cut by rules (as Chinese).
    """
    try:
        import spacy
    except ImportError as error:
        raise ExportError(
            "spaCy is not installed. In a copy of AskSight's repository, run: pip install -e '.[train]'"
        ) from error
    try:
        tokenizer = spacy.blank(language).tokenizer
    except (ImportError, ValueError, OSError) as error:
        raise ExportError(f"spaCy cannot make a tokenizer for {language!r}: {error}") from error
    return rules_of(tokenizer, source=f"spaCy {version('spacy')}, {language}")


def write_rules(path: str | Path, language: str = "en") -> None:
    """Write a language's rules to a file, as in a bundle. Raises ExportError."""
    Path(path).write_bytes(dump_rules(spacy_rules(language)).encode())


def rules_of(tokenizer: Any, *, source: str) -> Rules:
    """The rules of any spaCy tokenizer whose patterns are compiled regular expressions; else ExportError."""
    from spacy.symbols import ORTH  # type: ignore[import-not-found, unused-ignore]

    try:
        rules = Rules(
            source=source,
            exceptions={text: tuple(part[ORTH] for part in parts) for text, parts in tokenizer.rules.items()},
            prefix=_pattern(tokenizer.prefix_search),
            suffix=_pattern(tokenizer.suffix_search),
            infix=_pattern(tokenizer.infix_finditer),
            token_match=_pattern(tokenizer.token_match),
            url_match=_pattern(tokenizer.url_match),
            affix_exceptions_only=tokenizer.faster_heuristics,
            plain_ends=None,
            suffix_reach=None,
        )
    except (AttributeError, KeyError, ValueError) as error:
        raise ExportError(
            f"The tokenizer of {source} is not made of rules that can be exported: {error}"
        ) from error
    return proved(rules)


def proved(rules: Rules) -> Rules:
    """The same rules with what can be proved of them."""
    splitter = Splitter(replace(rules, suffix_reach=None))
    patterns = {"prefix": rules.prefix, "suffix": rules.suffix, "infix": rules.infix}
    patterns |= {"token_match": rules.token_match, "url_match": rules.url_match}
    ends = plain_ends(patterns, rules.exceptions, splitter.joined)
    done = replace(rules, plain_ends=ends, suffix_reach=suffix_reach(rules.suffix))
    if any(splitter.chunk(text)[1] for text in done.plain_exceptions()):
        done = replace(done, plain_ends=None)
    return done


def _pattern(method: Any) -> str | None:
    """The text of `re.compile(text).search` and the like, with its flags inside it."""
    if method is None:
        return None
    pattern = method.__self__
    flags = "".join(letter for letter, flag in FLAGS if pattern.flags & flag)
    return f"(?{flags}){pattern.pattern}" if flags else str(pattern.pattern)
