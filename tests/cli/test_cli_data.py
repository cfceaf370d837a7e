"""`asksight data prepare`, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vqa_files import write_easy_vqa, write_vqa

from asksight.cli.main import main


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["data", *map(str, arguments)])
    code = caught.value.code
    return code if isinstance(code, int) else 0


def test_prepare_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_easy_vqa(tmp_path / "train", photos=10)
    assert (
        run("prepare", tmp_path / "train", "--out", tmp_path / "out", "--holdout", "0.2", "--seed", "5") == 0
    )
    said = capsys.readouterr().out
    assert "train: 24 questions about 8 photos" in said
    assert "val: 6 questions about 2 photos" in said
    assert (tmp_path / "out/prepared.json").exists()


def test_prepare_for_a_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_vqa(tmp_path / "vqa")
    (tmp_path / "vqa/train2014/COCO_train2014_000000000025.jpg").unlink()
    assert run("prepare", tmp_path / "vqa", "--out", tmp_path / "out", "--skip-bad", "--json") == 0
    caught = capsys.readouterr()
    told = json.loads(caught.out)
    assert told["splits"] == {"train2014": {"questions": 4, "images": 2}}
    assert told["skipped"] == {"unknown image": 1}
    assert told["format"] == "vqa"
    assert caught.err == ""


def test_prepare_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("prepare", tmp_path / "nowhere", "--out", tmp_path / "out", "--json") == 1
    assert capsys.readouterr().err == f"asksight: {tmp_path / 'nowhere'} is not there.\n"
    assert run("prepare", tmp_path) == 2  # no --out
