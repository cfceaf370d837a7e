"""`asksight data prepare` and `data get`, as a person types them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from file_server import file_server
from vqa_files import write_easy_vqa, write_vizwiz, write_vqa

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


def test_get_brings_what_prepare_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    annotations = write_vizwiz(tmp_path / "raw")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.write(annotations, "Annotations/train.json")
    with file_server(files={"Annotations.zip": held.getvalue()}) as server:
        arguments = ("get", "vizwiz", "--out", tmp_path / "vizwiz", "--no-photos", "--mirror", server.address)
        assert run(*arguments, "--json") == 0
        caught = capsys.readouterr()
        assert json.loads(caught.out)["files"] == {"Annotations.zip": 1}
        assert caught.err == ""
        assert run(*arguments) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0] == "Annotations.zip: 1 files (there before)"
    next_command = said[-1].removeprefix("Next: asksight data ").split()
    assert run(*next_command) == 0
    assert "train: 3 questions about 3 photos" in capsys.readouterr().out


def test_get_says_what_went_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with file_server() as server:
        assert run("get", "vizwiz", "--out", tmp_path / "out", "--mirror", server.address, "--json") == 1
        said = capsys.readouterr().err
        assert said.startswith(f"asksight: {server.address}/Annotations.zip answers 404 Not Found.")
        assert said.count("\n") == 1
    assert run("get", "coco", "--out", tmp_path / "out") == 2
