"""Every command that a command of training prints as the next step works as it is printed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from bundles import write_random_bundle
from keras_2_files import easy_vqa_config, easy_vqa_weights, write_hdf5
from published_models import published
from vqa_files import write_easy_vqa, write_photo, write_vqa

from asksight.cli.main import main
from asksight.training.learning.runs import Run, TrainSettings
from asksight.training.learning.stored_settings import StoredSettings

SMALL = {"channels": (8, 12, 16), "word_dimension": 12, "phrase_units": 16, "heard_units": 16}
SPEC = """
[bundle]
name = "shapes"

[image]
scale = "1/255"
offset = -0.5

[question]
form = "counts"
words = "words.txt"

[answers]
file = "answers.txt"
"""
SMALL_LSTM = {"units": 8, "lstm_units": 8}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands are run as printed; what they leave to defaults is made small."""
    monkeypatch.chdir(tmp_path)
    photos = {"epochs": 1, "side": 32, "sizes": SMALL, "photos_per_batch": 4}
    stored = {"epochs": 1, "sizes": SMALL_LSTM, "word_dimension": 8}
    for kind, defaults in ((TrainSettings, photos), (StoredSettings, stored)):
        for name, value in defaults.items():
            monkeypatch.setitem(vars(kind)["__init__"].__kwdefaults__, name, value)


def run(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run it; the command that it prints as the next one."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line.removeprefix("asksight ")))
    told = capsys.readouterr()
    assert not ended.value.code, told.err
    return told.out.strip().rpartition("Next: ")[2]


def test_from_published_names_of_splits_to_figures(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for split in ("train2014", "val2014"):
        write_vqa(tmp_path / "my vqa", split=split)
    train = run("asksight data prepare 'my vqa' --out 'pre pared'", capsys)
    assert train == "asksight train --data 'pre pared' --out RUN"
    evaluate = run(train, capsys)
    assert evaluate == "asksight evaluate RUN --data 'pre pared' --split val2014"
    assert json.loads(Run(Path("RUN")).config.read_text())["train_split"] == "train2014"
    run(evaluate, capsys)


def test_where_no_split_is_left_to_measure_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_easy_vqa(tmp_path / "train")
    train = run("asksight data prepare train --out prepared", capsys)
    export = run(train, capsys)
    assert export == "asksight export RUN --out RUN-bundle"
    assert run(export, capsys) == "asksight serve --model RUN-bundle"
    run("asksight serve --model RUN-bundle --check", capsys)


def test_from_features(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A photo that cannot be read is named when all others are done, and left out where that is asked for."""
    write_easy_vqa(tmp_path / "train")
    run("asksight data prepare train --out prepared", capsys)
    (tmp_path / "train/images/2.png").write_bytes(b"<html>404</html>")
    features = "features --data prepared --out store --encoder mobilenetv3-small --weights random"
    with pytest.raises(SystemExit) as ended:
        main(features.split())
    assert ended.value.code == 1
    assert "2.png" in capsys.readouterr().err
    train = run(f"asksight {features} --skip-bad", capsys)
    assert train == "asksight train --arch lstm --features store --data prepared --out RUN"
    with pytest.raises(SystemExit):
        main(train.split()[1:])
    assert "no features of 1 photos that are asked about, such as image id 2" in capsys.readouterr().err
    assert not Path("RUN").exists()
    run(f"{train} --skip-bad", capsys)


def test_questions_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa", photos=False)
    train = run("asksight data prepare vqa --out prepared --no-photos", capsys)
    assert train == "asksight train --arch lstm --features none --data prepared --out RUN"
    run(train, capsys)


def test_after_calibrate_and_samples(capsys: pytest.CaptureFixture[str]) -> None:
    write_random_bundle(Path("my bundle"))
    write_easy_vqa(Path("val"), photos=40)
    serve = run("asksight calibrate 'my bundle' --data val --max-risk 0.9", capsys)
    assert serve == "asksight serve --model 'my bundle'"
    run(f"{serve} --check", capsys)
    compiling = run("asksight samples 'my bundle' --data val --photos 2", capsys)
    assert compiling == "asksight compile 'my bundle'"
    run(f"{compiling} --precision float32", capsys)  # bf16 of random weights may lose answers


@pytest.mark.parametrize(("kind", "source"), [("blip", "blip-even"), ("vilt", "vilt-small")])
def test_after_an_import(capsys: pytest.CaptureFixture[str], kind: str, source: str) -> None:
    published(Path("somewhere"), source)
    write_easy_vqa(Path("DATA/val"), photos=40)
    said = run(f"asksight import {kind} somewhere --out 'my bundle'", capsys)
    calibrate, serve = said.split(", and ")
    assert calibrate == "asksight calibrate 'my bundle' --data DATA"
    run(f"{serve} --check", capsys)
    assert run(calibrate, capsys) == serve


def test_after_an_import_of_a_model_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {"side": 16, "words": 4, "answers": 3}
    write_hdf5(Path("model.h5"), easy_vqa_config(**sizes), easy_vqa_weights(**sizes))
    Path("spec.toml").write_text(SPEC)
    Path("words.txt").write_text("what\nis\nred\n")
    Path("answers.txt").write_text("yes\nno\nred\n")
    write_easy_vqa(Path("DATA/val"), photos=40)
    said = run("asksight import keras model.h5 --spec spec.toml --out 'my bundle'", capsys)
    calibrate, serve = said.split(", and ")
    run(f"{serve} --check", capsys)
    assert run(calibrate, capsys) == serve


def test_questions_without_answers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A challenge's results file is written from a test split; nothing else can be done with it."""
    _, annotations = write_vqa(tmp_path / "vqa", split="test2015")
    annotations.unlink()
    for photo in (tmp_path / "vqa/test2015").iterdir():
        write_photo(photo, 3, side=200)
    evaluate = run("asksight data prepare vqa --out prepared", capsys)
    assert evaluate == "asksight evaluate scenes --data prepared --write-results RESULTS.json"
    run(evaluate, capsys)
    results = json.loads(Path("RESULTS.json").read_text())
    assert [row["question_id"] for row in results] == [9000, 9001, 25002, 30003, 30004]
    assert all(row.keys() == {"question_id", "answer"} and row["answer"] for row in results)
    for line in (
        "evaluate scenes --data prepared --split test2015",
        "evaluate scenes --data prepared --split test2015 --write-results R.json --per-question Q.json",
        "report scenes --data prepared --split test2015",
        "calibrate scenes --data prepared --split test2015 --out copy",
        "train --data prepared --split test2015 --out other",
    ):
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        assert ended.value.code == 1
        assert "test2015 of prepared has no answers" in capsys.readouterr().err
    assert not Path("other").exists()


def test_all_labels_changed_is_no_run_that_is_taken_up(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """From photos; and corrupt ones are named together before the first step, or left out."""
    folder = write_easy_vqa(tmp_path / "train")
    for number in (4, 5):
        (folder / f"images/{number}.png").write_bytes(b"cut")
    train = ["train", "--data", "train", "--out", "RUN"]
    with pytest.raises(SystemExit) as ended:
        main(train)
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "2 entries are bad (2 bad photo)" in said
    assert not Path("RUN").exists()
    with pytest.raises(SystemExit) as ended:
        main([*train, "--skip-bad", "--json"])
    told = capsys.readouterr()
    assert not ended.value.code, told.err
    assert json.loads(told.out)["skipped"] == {"bad photo": 2}
    questions = folder / "questions.json"
    questions.write_text(questions.read_text().replace('"yes"', '"maybe"'))
    with pytest.raises(SystemExit) as ended:
        main([*train, "--skip-bad"])
    assert ended.value.code == 1
    assert "learned from other data: the answers of train changed" in capsys.readouterr().err
