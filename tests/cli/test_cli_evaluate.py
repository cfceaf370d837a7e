"""`asksight evaluate`, of a bundle and of a results file, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bundles import write_random_bundle
from vqa_files import write_easy_vqa, write_vizwiz, write_vqa

from asksight.cli.main import main


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *map(str, arguments)])
    code = caught.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def asked(tmp_path: Path) -> list[str | Path]:
    """A bundle and a data set, as arguments."""
    write_random_bundle(tmp_path / "bundle")
    return [tmp_path / "bundle", "--data", write_easy_vqa(tmp_path / "val")]


def test_a_table_for_a_person(asked: list[str | Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["exact", "%", "VQA", "%", "questions"]
    assert [line.split()[0] for line in lines[1:4]] == ["all", "yes/no", "is"]
    assert lines[-2].startswith("Verdicts: ")
    assert lines[-1].startswith("Calibration error (ECE): 0.")


def test_one_object_for_a_machine(asked: list[str | Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*asked, "--json") == 0
    caught = capsys.readouterr()
    told = json.loads(caught.out)
    assert {"exact", "vqa", "count", "by_type", "by_answer_type", "ece", "verdicts"} <= told.keys()
    assert told["count"] == told["by_type"]["is there"]["count"] == 18
    assert (told["model"], told["split"]) == ("random 1", "val")
    assert sum(told["verdicts"].values()) == pytest.approx(1)
    assert caught.err == ""


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("openvino", "asksight compile"),
        ("openvino:int8", "asksight compile"),
        ("abacus", "choose one of: auto"),
    ],
)
def test_an_engine_means_what_it_means_in_serving(
    asked: list[str | Path], engine: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that was named must be had; the bundle has no plan of it."""
    assert run(*asked, "--engine", engine) == 1
    assert said in capsys.readouterr().err


def test_no_tensorflow_is_needed(asked: list[str | Path]) -> None:
    arguments = ["evaluate", *map(str, asked), "--json"]
    code = (
        "import sys\nfrom asksight.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "assert not {'tensorflow', 'keras', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_results_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions, annotations = write_vqa(tmp_path, photos=False)
    ids = [9000, 9001, 25002, 30003, 30004]
    said = [{"question_id": number, "answer": "yes"} for number in ids]
    (tmp_path / "results.json").write_text(json.dumps(said))
    files: list[str | Path] = ["--results", tmp_path / "results.json", "--questions", questions]
    files += ["--annotations", annotations]
    assert run(*files, "--json", "--per-question", tmp_path / "each.json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["exact"], told["vqa"], told["count"]) == (20.0, 20.0, 5)
    assert json.loads((tmp_path / "each.json").read_text()) == {
        "9000": 0.0,
        "9001": 0.0,
        "25002": 100.0,
        "30003": 0.0,
        "30004": 0.0,
    }
    assert run(*files) == 0
    assert "ECE" not in capsys.readouterr().out


def test_a_models_answers_are_scored_as_a_results_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_random_bundle(tmp_path / "bundle")
    questions, annotations = write_vqa(tmp_path / "vqa")
    before = annotations.read_bytes(), questions.read_bytes()
    written = ("--write-results", tmp_path / "results.json", "--per-question", tmp_path / "each.json")
    model = (tmp_path / "bundle", "--data", tmp_path / "vqa", "--split", "train2014")
    assert run(*model, *written, "--json") == 0
    by_model = json.loads(capsys.readouterr().out)
    each = (tmp_path / "each.json").read_text()
    files = ("--results", tmp_path / "results.json", "--questions", questions, "--annotations", annotations)
    assert run(*files, "--per-question", tmp_path / "each.json", "--json") == 0
    by_file = json.loads(capsys.readouterr().out)
    for key in ("exact", "vqa", "count", "by_type", "by_answer_type"):
        assert by_file[key] == by_model[key]
    assert (tmp_path / "each.json").read_text() == each
    assert (annotations.read_bytes(), questions.read_bytes()) == before


def test_vizwiz_has_columns_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_vizwiz(tmp_path, split="val")
    rows = [
        {"image": f"VizWiz_val_{number:08d}.jpg", "answer": "yes", "answerable": 0.5} for number in (0, 3, 17)
    ]
    (tmp_path / "results.json").write_text(json.dumps(rows))
    assert run("--results", tmp_path / "results.json", "--annotations", path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["exact", "%", "VQA", "%", "VizWiz", "%", "questions"]
    assert lines[-1] == "Unanswerable questions: average precision 33.33 %, F1 0.00 %."


def test_bad_photos_are_left_out_where_that_is_asked_for(
    asked: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (Path(asked[2]) / "images/4.png").write_bytes(b"cut")
    assert run(*asked) == 1
    assert "4.png" in capsys.readouterr().err
    assert run(*asked, "--skip-bad", "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["count"] == 15
    assert "left out, bad photo: 1" in told.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["scenes"], 2),
        (["--results", "r.json"], 2),
        (["scenes", "--data", "d", "--questions", "q.json"], 2),
        (["scenes", "--results", "r.json", "--questions", "q.json", "--annotations", "a.json"], 2),
        (["--results", "r.json", "--annotations", "a.json", "--write-results", "w.json"], 2),
        (["nothing", "--data", "nowhere"], 1),
        (["--results", "r.json", "--questions", "q.json", "--annotations", "a.json"], 1),
    ],
)
def test_wrong_usage_is_said(
    arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == code
