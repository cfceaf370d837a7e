"""`asksight calibrate`, as a person types it: written in place or into a copy, and served with the new certainty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pieces_bundles import write_joint_bundle, write_spelled_bundle
from vqa_files import write_easy_vqa

from asksight.cli.main import main
from asksight.engine import load_bundle
from asksight.engine.bundle import BUILT_IN


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", *map(str, arguments)])
    code = caught.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_easy_vqa(tmp_path / "val", photos=40)


def test_a_bundle_is_measured_and_says_so_no_more(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_spelled_bundle(tmp_path / "bundle").path
    assert run(path, "--data", data, "--max-risk", "0.9") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"120 questions of {data}, split val."
    assert lines[1].startswith("Temperature ")
    assert "90.0% are allowed" in lines[2]
    assert lines[-1] == f"Written to {path}. Next: asksight serve --model {path}"
    bundle = load_bundle(path)
    assert bundle.calibration.calibrated
    assert bundle.training["calibration"]["data"] == str(data)


def test_a_copy_leaves_the_bundle_as_it_was(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_joint_bundle(tmp_path / "bundle").path
    (path / "engines").mkdir()
    before = (path / "bundle.json").read_bytes()
    assert run(path, "--data", data, "--out", tmp_path / "copy", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bundle"], told["questions"], told["split"]) == (str(tmp_path / "copy"), 120, "val")
    assert (path / "bundle.json").read_bytes() == before
    copy = load_bundle(tmp_path / "copy")
    assert copy.calibration.temperature == pytest.approx(told["temperature"], abs=1e-4)
    assert not (tmp_path / "copy" / "engines").exists()


@pytest.mark.parametrize("out", [None, "there"])
def test_what_would_be_lost_is_refused(
    tmp_path: Path, data: Path, out: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (BUILT_IN["scenes"] / "bundle.json").read_bytes()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.txt").write_text("mine")
    given: list[str | Path] = [] if out is None else ["--out", tmp_path / out]
    assert run("scenes", "--data", data, *given) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert ("name a folder for a copy" if out is None else "name a new folder") in said
    assert (BUILT_IN["scenes"] / "bundle.json").read_bytes() == before
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["thesis.txt"]


def test_too_few_questions_are_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_spelled_bundle(tmp_path / "bundle").path
    assert run(path, "--data", write_easy_vqa(tmp_path / "few", photos=3), "--split", "few") == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("asksight: The split few has 9 questions; at least 100 are")
    )
    assert not load_bundle(path).calibration.calibrated


def test_a_run_is_exported_first(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    assert run(tmp_path / "run", "--data", data) == 2
    assert "export it first" in " ".join(capsys.readouterr().err.split())
