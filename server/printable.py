"""Text of others made safe to be printed: nothing in it can move the cursor, colour the terminal or set its title."""

from __future__ import annotations

import re

# Controls of C0 and C1 and DEL, what separates lines, what turns the direction of writing, and lone surrogates. Not the
# joiners U+200C and U+200D, which Hindi is written with.
UNSAFE_RANGES = (
    *((0x00, 0x1F), (0x7F, 0x9F), (0x61C, 0x61C), (0x200E, 0x200F)),
    *((0x2028, 0x202E), (0x2066, 0x2069), (0xFEFF, 0xFEFF), (0xD800, 0xDFFF)),
)
UNSAFE = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSAFE_RANGES) + "]")
# Tables, since to call a function for each character takes five times as long where all of them are unsafe.
JSON_FORMS = {code: f"\\u{code:04x}" for first, last in UNSAFE_RANGES for code in range(first, last + 1)}
FORMS = {code: f"\\x{code:02x}" if code < 0x100 else form for code, form in JSON_FORMS.items()}


def printable(text: str) -> str:
    r"""Give it on one line, with what is unsafe written out, as in \x1b or \u202e."""
    return text.translate(FORMS) if UNSAFE.search(text) else text


def printable_json(text: str) -> str:
    """Give JSON on one line that means the same; what is unsafe can only stand in its strings, or between values."""
    return text.translate(JSON_FORMS) if UNSAFE.search(text) else text
