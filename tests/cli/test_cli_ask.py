"""`asksight ask`: of a server, of a bundle, for people and for machines, and when it goes wrong."""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
import webbrowser
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.segment import Segments
from served import PHOTOS
from text_photos import written

from asksight.cli.show import in_terminal, takes_pictures
from asksight.client import load

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PHOTO = PHOTOS / "shapes.jpg"
QUESTION = "What colour is this?"


def without_times(printed: str) -> dict[str, object]:
    reply: dict[str, object] = json.loads(printed)
    del reply["timings"]
    return reply


def test_a_server_and_a_bundle_answer_the_same(run: Run, address: str, bundle: Path) -> None:
    there = run("ask", PHOTO, QUESTION, "--server", address, "--json").stdout
    here = run("ask", PHOTO, QUESTION, "--model", bundle, "--json").stdout
    assert without_times(there) == without_times(here)


def test_the_json_form_is_stable(here: Run, address: str) -> None:
    reply = json.loads(here("ask", PHOTO, QUESTION, "--server", address, "--json", "--top-k", "2").stdout)
    assert list(reply) == [
        "photo",
        "question",
        "answer",
        "answers",
        "verdict",
        "spoken",
        "image_id",
        "photo_issues",
        "timings",
        "model",
        "question_cut",
        "missing_skill",
        "unfamiliar",
        "text_lines",
    ]
    assert [list(answer) for answer in reply["answers"]] == [["label", "probability"]] * 2
    assert reply["photo"] == str(PHOTO)
    assert reply["question"] == QUESTION
    assert reply["verdict"] in ("answered", "unsure", "unanswerable")
    assert set(reply["timings"]) == {
        "decode_us",
        "encode_us",
        "tokenize_us",
        "answer_us",
        "total_us",
        "features_cached",
    }


def test_a_person_reads_the_sentence_first(here: Run, address: str) -> None:
    reply = json.loads(here("ask", PHOTO, QUESTION, "--server", address, "--json").stdout)
    lines = here("ask", PHOTO, QUESTION, "--server", address).stdout.splitlines()
    assert lines[0] == reply["spoken"]
    for answer, line in zip(reply["answers"], lines[1:6], strict=True):
        assert line.split() == [*answer["label"].split(), f"{100 * answer['probability']:.1f}", "%"]
    assert reply["verdict"] in lines[6]
    assert "ms (features cached)" in lines[6]


def test_what_is_wrong_with_the_photo_is_said(here: Run, address: str) -> None:
    shown = here("ask", PHOTOS / "dark.jpg", QUESTION, "--server", address).stdout
    assert "The photo is dark: " in shown


def test_a_question_that_was_cut_is_said(here: Run, address: str) -> None:
    shown = here("ask", PHOTO, "is it " * 40, "--server", address).stdout
    assert "only its beginning was used" in shown


def test_standard_input_may_be_the_photo(run: Run, address: str) -> None:
    named = json.loads(run("ask", PHOTO, QUESTION, "--server", address, "--json").stdout)
    piped = json.loads(
        run("ask", "-", QUESTION, "--server", address, "--json", given=PHOTO.read_bytes()).stdout
    )
    assert piped["image_id"] == named["image_id"]
    assert piped["answers"] == named["answers"]


@pytest.mark.parametrize(
    ("photo", "question", "said"),
    [
        ("nowhere.jpg", "What?", "There is no file 'nowhere.jpg'"),
        (Path(__file__), "What?", "JPEG"),
        (PHOTO, " ", "question"),
        (PHOTO, b"bus \xff?".decode("utf-8", "surrogateescape"), "lone surrogate"),
    ],
)
def test_a_bad_ask_is_one_line_and_exit_code_one(
    here: Run, address: str, photo: str | Path, question: str, said: str
) -> None:
    ran = here("ask", photo, question, "--server", address, code=1)
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert line.startswith("asksight: ")
    assert said in line


def test_no_server_is_one_line_and_exit_code_one(run: Run) -> None:
    ran = run("ask", PHOTO, QUESTION, "--server", "127.0.0.1:1", code=1)
    (line,) = ran.stderr.splitlines()
    assert "No server can be reached at 127.0.0.1:1" in line


def test_no_bundle_is_one_line_and_exit_code_one(here: Run, tmp_path: Path) -> None:
    ran = here("ask", PHOTO, QUESTION, "--model", tmp_path / "nowhere", code=1)
    (line,) = ran.stderr.splitlines()
    assert "nowhere" in line


def test_a_server_and_a_bundle_at_once_are_wrong_usage(here: Run, address: str, bundle: Path) -> None:
    ran = here("ask", PHOTO, QUESTION, "--server", address, "--model", bundle, code=2)
    assert "not both" in ran.stderr


def test_text_is_read_in_this_process_too(here: Run, tmp_path: Path) -> None:
    sign = tmp_path / "sign.jpg"
    sign.write_bytes(written())
    assert here("ask", sign, "What is the price?", "--reader").stdout.startswith("It says: 2.49.\n")
    ran = here("ask", sign, "What is the price?", "--reader", "--server", "localhost:1", code=2)
    assert "does nothing with --server" in " ".join(ran.stderr.split())


def test_a_web_address_is_wrong_usage(here: Run) -> None:
    ran = here("ask", PHOTO, QUESTION, "--server", "http://localhost:50051", code=2)
    assert "host:port alone" in ran.stderr


def test_a_page_shows_the_photo_where_there_is_no_terminal(
    here: Run, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    opened: list[str] = []

    def no_browser(url: str) -> bool:
        opened.append(url)
        return False

    monkeypatch.setattr(webbrowser, "open", no_browser)
    printed = here("ask", "-", QUESTION, "--server", address, "--show", given=PHOTO.read_bytes()).stdout
    (page,) = tmp_path.glob("asksight-*.html")
    assert printed.splitlines()[-1] == f"To be seen in {page}"
    assert opened == [page.as_uri()]
    assert b64encode(PHOTO.read_bytes()).decode() in page.read_text()


def test_a_terminal_shows_the_photo_dark_where_nothing_was_looked_at() -> None:
    with load("scenes") as client:
        reply = client.ask(PHOTO, "What colour is the circle?", attention=True)
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=40)
    looked, plain = (
        brightness(in_terminal(one, PHOTO.read_bytes(), console))
        for one in (reply, replace(reply, attention=None))
    )
    assert looked < 0.6 * plain


@pytest.mark.parametrize(
    ("encoding", "forbidden", "taken"),
    [("utf-8", False, True), ("utf-8", True, False), ("latin-1", False, False), ("ascii", False, False)],
)
def test_no_picture_goes_to_a_terminal_without_colours_or_blocks(
    encoding: str, forbidden: bool, taken: bool
) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, force_terminal=True, color_system="truecolor", no_color=forbidden)
    assert takes_pictures(console) is taken


def brightness(shown: Segments) -> int:
    """The sum of the upper pixels' colours, of a square picture 40 characters wide."""
    colours = [segment.style.color for segment in shown.segments if segment.style]
    assert len(colours) == 40 * 20
    return sum(sum(colour.get_truecolor()) for colour in colours if colour)


def test_showing_is_for_people_and_json_for_programs(here: Run) -> None:
    assert "--show or --json, not both" in here("ask", PHOTO, QUESTION, "--show", "--json", code=2).stderr
