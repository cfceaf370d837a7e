"""`asksight inspect` and `asksight tokens` on bundles that are well and that are not."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from bundles import ANSWERS, write_random_bundle
from pieces_bundles import write_joint_bundle, write_spelled_bundle

from asksight.cli.inspect import _history, flat, size_text
from asksight.cli.main import main


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_random_bundle(tmp_path / "bundle", max_tokens=4).path


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    code = caught.value.code
    return code if isinstance(code, int) else 0


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_inspect_shows_what_is_in_a_bundle(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", root) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "bundle random 1",
        "photo 32x32 px, rgb, uint8",
        "words 16 of 12 numbers, float16",
        "question up to 4 tokens, lower case",
        "unanswerable unanswerable",
        "training figures.exact 0.0",
        "words.txt 88 B",
    ):
        assert text in shown
    assert shown.count("verified") == 5


def test_inspect_says_what_to_know_of_a_published_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_spelled_bundle(tmp_path / "spelled").path
    assert run("inspect", path) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "features 16x5 float32",
        "cut into pieces of words, as BERT's WordPiece does",
        "answers spelled by pieces of words: the best 4, of up to 6 pieces",
        "about Nobody has measured how often it is right, so it is never certain of an answer.",
        "about It was published as somebody/small-vqa, revision 1f2e3d, under the licence Apache-2.0.",
        "about It is not for reading medicine labels.",
        "next asksight calibrate",
    ):
        assert text in shown
    assert "unknown words" not in shown
    assert run("inspect", path, "--json") == 0
    (fields,) = lines(capsys)
    assert (fields["source"]["repository"], fields["answers"]["stop"]) == ("somebody/small-vqa", 3)
    assert (fields["question"]["tokenizer"], fields["question"]["first"]) == ("wordpiece", 2)


def test_inspect_says_what_a_bundle_knows(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for bundle, known in (
        (
            "scenes",
            "It knows photos like 2,000 known ones, of 96 px or more, and the 98 words of 20,000 questions; of what",
        ),
        (root, "It cannot tell whether a photo or a question is unlike those that it has learned about."),
    ):
        assert run("inspect", bundle) == 0
        assert f"about {known}" in " ".join(capsys.readouterr().out.split())


def test_inspect_shows_how_photos_keep_their_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", write_joint_bundle(tmp_path / "joint").path) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "the shorter side to 24 px, the longer to 41 at most, in patches of 8 px, bicubic" in shown
    assert "next asksight" not in shown


def test_tokens_of_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = write_spelled_bundle(tmp_path / "spelled").path
    feed(monkeypatch, b"Dogs on the traffic light of this red dog?\n")
    assert run("tokens", "--model", path, "--json") == 0
    told = json.loads(capfdbinary.readouterr().out)
    assert told["tokens"][:4] == ["dog", "##s", "[UNK]", "the"]
    assert told["rows"] == [2, 25, 26, 1, 6, 16, 17, 3]
    assert told["known"] == [True, True, True, False, True, True, True, True]
    assert told["cut"] is True


def test_inspect_tells_machines_the_same(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", root, "--json") == 0
    (fields,) = lines(capsys)
    assert (fields["name"], fields["version"], fields["path"]) == ("random", "1", str(root))
    assert fields["answers"] == {
        "form": "listed",
        "count": 10,
        "unanswerable": "unanswerable",
        "labels": list(ANSWERS),
    }
    assert fields["image"]["shape"] == [32, 32, 3]
    assert fields["features"] == {"shape": [16]}
    for file in fields["files"]:
        assert (root / file["name"]).stat().st_size == file["bytes"]
        assert file["verified"] is True


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_inspect_refuses_in_one_line(root: Path, form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (root / "answers.txt").write_bytes((root / "answers.txt").read_bytes().replace(b"red", b"RED"))
    assert run("inspect", root, *form) == 1
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert f"{root / 'answers.txt'}: expected SHA-256" in line


def test_tokens_are_a_list_a_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, "What colour is it?\r\n\nCafé’s 🐶\n".encode())
    assert run("tokens", "--model", root) == 0
    assert lines(capsys) == [["What", "colour", "is", "it", "?"], [], ["Café", "’s", "🐶"]]


def test_rows_are_cut_where_the_model_stops_reading(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, b"what is the red a\nwhat\n\n")
    assert run("tokens", "--model", root, "--rows") == 0
    assert lines(capsys) == [[0, 1, 2, 9], [0], []]


def test_tokens_tell_machines_all(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, b"What is \xff a b")
    assert run("tokens", "--model", root, "--json") == 0
    (fields,) = lines(capsys)
    assert fields["question"] == "What is \ufffd a b"  # what is not UTF-8 is shown as such
    assert fields["tokens"] == ["What", "is", "\ufffd", "a", "b"]
    assert fields["rows"][:2] == [0, 1]
    assert fields["known"] == [True, True, False, True]
    assert fields["cut"] is True


def test_leaves_of_training_notes_are_shown_by_their_path() -> None:
    notes = {"data": {"train": 5, "by": ["a", 1]}, "text": "so", "none": {}, "nothing": None}
    assert list(flat(notes)) == [
        ("data.train", "5"),
        ("data.by", '["a", 1]'),
        ("text", "so"),
        ("nothing", "null"),
    ]


def test_a_history_is_told_in_a_few_rows() -> None:
    rows = [{"step": 10 * n, "loss": 1 / n, "val_exact": {"all": n / 20, "other": 0.0}} for n in range(1, 13)]
    assert list(_history(rows))[-2:] == [
        "step 100, loss 0.100, 50.0 % exact on validation",
        "step 120, loss 0.083, 60.0 % exact on validation",
    ]
    assert len(list(_history(rows))) == 6
    assert list(_history(rows[:1])) == ["step 10, loss 1.000, 5.0 % exact on validation"]
    assert list(_history([])) == list(_history({"odd": 1})) == list(_history([{"odd": 1}])) == []


def test_nothing_is_shown_as_raw_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", "scenes") == 0
    assert "{" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (999_499, "999.5 KB"),
        (999_950, "1.0 MB"),
        (3 * 10**12, "3000.0 GB"),
    ],
)
def test_sizes_are_readable(count: int, text: str) -> None:
    assert size_text(count) == text
