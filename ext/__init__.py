"""Question text to token rows to padded word vectors."""

from .rules import Rules, dump_rules, english, parse_rules, read_rules
from .text import Splitter
from .twin import PyWordTable

try:
    from ._words import WordTable
except ImportError as error:  # no fallback: the twin would serve, but hundreds of times slower
    raise ImportError(
        "asksight.ext._words, the compiled tokenizer, was not built for this Python; "
        "install asksight again with a C compiler at hand: pip install --force-reinstall asksight"
    ) from error

__all__ = [
    "PyWordTable",
    "Rules",
    "Splitter",
    "WordTable",
    "dump_rules",
    "english",
    "parse_rules",
    "read_rules",
]
