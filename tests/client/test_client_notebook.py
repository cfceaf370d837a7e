"""A reply in a notebook: photo, answer, how likely, verdict; whatever a server says is text there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asksight.client import Client
from asksight.client.results import Answer, PhotoIssue, PhotoIssueKind


def test_it_shows_the_photo_the_answers_and_the_verdict(client: Client, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"the photo's bytes")
    for _ in range(2):  # the second time only its id is sent
        html = client.ask(photo, "red?")._repr_html_()
        assert "data:image;base64,dGhlIHBob3RvJ3MgYnl0ZXM=" in html
        for part in ("<em>red?</em>", "It is red?.", "answered, by fake 1.2.3", "75 %", "More light."):
            assert part in html
    shown = client.ask(photo, "red?")
    photo.write_bytes(b"another")
    assert "<img" not in shown._repr_html_()
    photo.unlink()
    assert "<img" not in shown._repr_html_()
    assert "<img" not in client.ask(b"bytes have no path", "red?")._repr_html_()


def test_all_of_it_is_text(client: Client) -> None:
    evil = "<script>alert(1)</script>"
    reply = replace(
        client.ask(b"photo", evil),
        answers=(Answer(label=evil, probability=0.5),),
        spoken=evil,
        model=evil,
        photo_issues=(PhotoIssue(kind=PhotoIssueKind.DARK, severity=1, hint=evil + "!"),),
    )
    html = reply._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 5
