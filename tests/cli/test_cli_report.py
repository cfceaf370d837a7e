"""`asksight report`, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundles import write_random_bundle
from pieces_bundles import write_spelled_bundle
from vqa_files import write_easy_vqa

from asksight.cli.main import main
from asksight.engine import Calibration


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["report", *map(str, arguments)])
    code = caught.value.code
    return code if isinstance(code, int) else 0


def test_a_page_about_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_random_bundle(tmp_path / "bundle")
    arguments = (tmp_path / "bundle", "--data", write_easy_vqa(tmp_path / "val"))
    assert run(*arguments) == 0
    assert capsys.readouterr().out.startswith("Written to report.html (")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "random 1 on val of" in page
    assert run(*arguments, "--out", tmp_path / "new/page.html", "--json") == 0
    caught = capsys.readouterr()
    told = json.loads(caught.out)
    assert (told["report"], told["count"]) == (str(tmp_path / "new/page.html"), 18)
    assert (tmp_path / "new/page.html").read_text(encoding="utf-8") == page
    assert caught.err == ""


def test_a_page_about_a_bundle_that_spells(tmp_path: Path) -> None:
    calibration = Calibration(scores="sequence", answered_threshold=0.3)
    write_spelled_bundle(tmp_path / "bundle", calibration=calibration, max_tokens=20)
    arguments = (tmp_path / "bundle", "--data", write_easy_vqa(tmp_path / "val"))
    assert run(*arguments, "--out", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "spelled 1 on val of" in page
    assert any(
        f">{text}<" in page or f"“{text}”" in page for text in ("blue", "traffic light", "dogs", "red")
    )


def test_what_goes_wrong(tmp_path: Path) -> None:
    assert run("scenes", "--data", tmp_path / "nowhere") == 1
    assert run("scenes") == 2
