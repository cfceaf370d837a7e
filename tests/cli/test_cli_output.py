"""What a server or a bundle says reaches the terminal as text, never as an order to it."""

from __future__ import annotations

from asksight.cli.main import expected
from asksight.cli.output import printable, reply_lines
from asksight.client import AskSightError
from asksight.client.messages import to_reply
from asksight.v1 import vqa_pb2


def test_control_characters_are_written_out() -> None:
    assert printable("caf\u00e9 \u0915\u094d\u200d\u0937") == "caf\u00e9 \u0915\u094d\u200d\u0937"
    assert printable("\x1b]0;mine\x07\x9b2J\u202e\n") == "\\x1b]0;mine\\x07\\x9b2J\\u202e\\x0a"


def test_an_error_gives_no_order() -> None:
    assert expected(AskSightError("a \x1b[2J b")) == "a \\x1b[2J b"


def test_what_is_written_is_shown_line_by_line_with_what_to_do() -> None:
    response = vqa_pb2.AskResponse(verdict=vqa_pb2.VERDICT_UNSURE, spoken="It may say: Salt.")
    response.text_lines.add(text="Salt\x1b[2J", confidence=0.876)
    kind = vqa_pb2.PHOTO_ISSUE_KIND_TEXT_SMALL
    response.photo_issues.add(kind=kind, severity=0.5, hint="Hold the phone closer.")
    lines = [line.strip() for line in reply_lines(to_reply(response, vqa_pb2.AskRequest()))]
    assert lines[0] == "It may say: Salt."
    assert "Salt\\x1b[2J  (88 % right)" in lines
    assert lines[-1] == "Hold the phone closer."
