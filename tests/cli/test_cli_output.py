"""What a server or a bundle says reaches the terminal as text, never as an order to it."""

from __future__ import annotations

from asksight.cli.main import expected
from asksight.cli.output import printable
from asksight.client import AskSightError


def test_control_characters_are_written_out() -> None:
    assert printable("caf\u00e9 \u0915\u094d\u200d\u0937") == "caf\u00e9 \u0915\u094d\u200d\u0937"
    assert printable("\x1b]0;mine\x07\x9b2J\u202e\n") == "\\x1b]0;mine\\x07\\x9b2J\\u202e\\x0a"


def test_an_error_gives_no_order() -> None:
    assert expected(AskSightError("a \x1b[2J b")) == "a \\x1b[2J b"
