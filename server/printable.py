"""Text of others made safe to be printed: nothing in it can move the cursor, colour the terminal or set its title."""

from __future__ import annotations

import re

# Controls of C0 and C1 and DEL, what separates lines, what turns the direction of writing, and lone surrogates. Not the
# joiners U+200C and U+200D, which Hindi is written with.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Give it on one line, with what is unsafe written out, as in \x1b or \u202e."""
    return UNSAFE.sub(_written_out, text)


def printable_json(text: str) -> str:
    """Give JSON on one line that means the same; what is unsafe can only stand in its strings, or between values."""
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
