"""Text made safe: each character as it should be, in lines for people and in JSON."""

from __future__ import annotations

import json
import unicodedata

from asksight.server.printable import printable, printable_json


def test_every_character_stands_as_it_is_or_written_out() -> None:
    for code in (*range(0x3000), *range(0xD000, 0x10000), *range(0x10000, 0x110000, 997)):
        char = chr(code)
        written = printable(char)
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(char) in (
            *("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"),
        ):
            assert written == (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
        else:
            assert written in (char, f"\\u{code:04x}")


def test_json_means_the_same() -> None:
    text = "a\x00\x1b\x85\u202e\ufeff\ud800 caf\u00e9 \u0915\u094d\u200d\u0937 😀"
    said = printable_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(said) == text
    assert "\u202e" not in said
    assert "\x85" not in said
