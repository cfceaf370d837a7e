"""A run on stored features is measured from its store, and one on the question alone without any photo."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored_runs import settings, write_data

from asksight.cli.main import main
from asksight.engine.bundle.calibration import Verdict
from asksight.training.datasets import open_dataset
from asksight.training.errors import FeatureError
from asksight.training.features.store import read_about
from asksight.training.measuring.evaluate import VERDICTS, predict_on
from asksight.training.measuring.run_answerer import answerer_of_run, known_features


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set without photos, and a store without an encoder."""
    return write_data(tmp_path_factory.mktemp("stored"))


def trained(made: tuple[Path, Path], out: Path, *, photos: bool = True) -> Path:
    from asksight.training.learning.train_stored import train_stored

    encoder = read_about(made[1]).encoder if photos else {}
    store = made[1] if photos else None
    told = settings(made[0], store, encoder=encoder, epochs=8, learning_rate=0.01, patience=0)
    return train_stored(told, out).path


@pytest.fixture(scope="module")
def run(made: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(made, tmp_path_factory.mktemp("runs") / "seen")


def asksight(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


def best_exact(run: Path) -> float:
    """What training itself measured, in percent."""
    history: list[dict[str, Any]] = json.loads((run / "history.json").read_text())
    return 100 * max(float(row["val_exact"]["all"]) for row in history)


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert asksight("evaluate", *arguments, "--split", "val2014", "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_features_are_taken_from_the_store(
    made: tuple[Path, Path], run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = figures(capsys, run, "--data", made[0])
    assert told["model"] == "seen run"
    assert told["exact"] == pytest.approx(best_exact(run), abs=0.01) != 0
    assert asksight("evaluate", run, "--data", made[0], "--split", "val2014") == 0
    assert f"features from {made[1]}" in " ".join(capsys.readouterr().err.split())
    page = tmp_path / "report.html"
    assert asksight("report", run, "--data", made[0], "--split", "val2014", "--out", page) == 0
    assert "seen run" in page.read_text()


def test_what_the_run_does_not_know_is_not_answered(made: tuple[Path, Path], run: Path) -> None:
    dataset = open_dataset(made[0], "val2014")
    features, _ = known_features(run, dataset, made[0])
    assert features is not None
    strange = replace(dataset, questions=["Quagga, xylophone or zither?"] * len(dataset))
    with answerer_of_run(run, features, dataset.image_ids) as answerer:
        sure = replace(
            answerer, calibration=replace(answerer.calibration, answered_threshold=0.0), familiarity=None
        )
        knowing = replace(sure, familiarity=answerer.familiarity)
        answered = [
            [VERDICTS[one] is Verdict.ANSWERED for one in predict_on(model, asked, features).verdicts]
            for model, asked in ((sure, strange), (knowing, strange), (knowing, dataset))
        ]
    assert any(answered[0])
    assert not any(answered[1])
    assert any(answered[2])


def test_another_data_set_is_measured_with_a_store_that_is_named(
    made: tuple[Path, Path], run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It may have other photos under the same ids, so that a store has to be named."""
    shutil.copytree(made[0], tmp_path / "copy")
    assert asksight("evaluate", run, "--data", tmp_path / "copy", "--split", "val2014") == 1
    assert "has features but no encoder" in capsys.readouterr().err  # it would have encoded photos
    told = figures(capsys, run, "--data", tmp_path / "copy", "--features", made[1])
    assert told["exact"] == pytest.approx(best_exact(run), abs=0.01)


def test_a_run_on_the_question_alone_needs_no_photo(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    blind = trained(made, tmp_path / "blind", photos=False)
    told = figures(capsys, blind, "--data", made[0])
    assert told["exact"] == pytest.approx(best_exact(blind), abs=0.01) != 0
    assert asksight("evaluate", blind, "--data", made[0], "--features", made[1]) == 1


def test_where_the_store_does_not_fit_photos_are_encoded(
    made: tuple[Path, Path], run: Path, tmp_path: Path
) -> None:
    data, store = made
    dataset = open_dataset(data, "val2014")
    features, said = known_features(run, dataset, data)
    assert features is not None
    assert said == f"features from {store}"
    config = json.loads((run / "config.json").read_text())

    def other(**told: Any) -> tuple[Path, Path]:
        """The run as if it was trained on a copy of its store, which has become another."""
        copied, path = tmp_path / f"run{len(told)}", tmp_path / f"store{len(told)}"
        shutil.copytree(run, copied)
        shutil.copytree(store, path)
        (copied / "config.json").write_text(json.dumps(config | {"features": str(path)}))
        about = json.loads((path / "store.json").read_text())
        (path / "store.json").write_text(json.dumps(about | told))
        return copied, path

    copied, path = other(encoder={"name": "another"})
    features, said = known_features(copied, dataset, data)
    assert features is None
    assert said.startswith(f"photos are encoded: {path} was made by another encoder")
    with pytest.raises(
        FeatureError, match=r"by another encoder than the run was trained on \(different: name\)"
    ):
        known_features(run, dataset, data, store=path)
    copied, path = other()
    (path / "val2014/done.npy").unlink()
    assert known_features(copied, dataset, data)[0] is None
    with pytest.raises(FeatureError, match="no features of the split val2014"):
        known_features(copied, dataset, data, store=path)
