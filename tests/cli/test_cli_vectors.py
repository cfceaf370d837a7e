"""`asksight vectors`, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from vqa_files import write_vqa

from asksight.cli.main import main


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["vectors", *map(str, arguments)])
    code = caught.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    words = ("the", "what", "is", "?", "bus", "zebra")
    path.write_text("".join(f"{word} {' '.join(['0.5'] * 300)}\n" for word in words))
    return path


def test_words_of_a_data_set(glove: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_vqa(tmp_path / "vqa", photos=False)
    out = tmp_path / "out"
    assert run(glove, "--data", tmp_path / "vqa", "--split", "train2014", "--out", out) == 0
    said = capsys.readouterr().out
    assert said.startswith("5 of 21 words, ")
    assert "without a vector: " in said
    assert np.load(out / "vectors.npy").shape == (6, 300)
    assert (out / "words.txt").read_text().splitlines()[-1] == "<unknown 0>"


def test_bad_entries_are_refused_or_left_out_and_counted(
    glove: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions, _ = write_vqa(tmp_path / "vqa", photos=False)
    told = json.loads(questions.read_text())
    told["questions"][0]["question"] = " "
    questions.write_text(json.dumps(told))
    arguments = (glove, "--data", tmp_path / "vqa", "--out", tmp_path / "out")
    assert run(*arguments) == 1
    assert "--skip-bad" in capsys.readouterr().err
    assert run(*arguments, "--skip-bad") == 0
    assert capsys.readouterr().out.startswith("left out, ")
    assert run(*arguments, "--skip-bad", "--json") == 0
    assert sum(json.loads(capsys.readouterr().out)["skipped"].values()) == 1


def test_words_of_a_list_for_a_machine(
    glove: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("zebra\nNew York\ngiraffe\n")
    assert run(glove, "--words", tmp_path / "words.txt", "--out", tmp_path / "out", "--json") == 0
    caught = capsys.readouterr()
    assert json.loads(caught.out) == {
        "out": str(tmp_path / "out"),
        "form": "glove",
        "words": 1,
        "dimension": 300,
        "missing": ["giraffe"],
        "covered": 0.5,
        "never_asked": ["New York"],
        "skipped": {},
    }
    assert caught.err == ""


def test_what_goes_wrong(glove: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.txt").write_text("zebra\n")
    words = ("--words", tmp_path / "words.txt", "--out", tmp_path / "out")
    assert run(glove, *words, "--dimension", "384") == 1
    assert "has vectors of 300 dimensions, but 384 are wanted" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(glove, "--out", tmp_path / "out") == 2
    assert run(glove, *words, "--data", tmp_path) == 2
