"""`asksight train`: its flags are those of the settings; what does not go together is refused before anything runs."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from asksight.cli.main import main
from asksight.cli.train import train
from asksight.training.learning.runs import TrainSettings
from asksight.training.learning.stored_settings import StoredSettings
from asksight.training.models.sizes import LstmSizes


def test_every_setting_with_a_text_is_a_flag() -> None:
    told = [one for kind in (TrainSettings, StoredSettings, LstmSizes) for one in fields(kind)]
    named = {one.name for one in told if "spec" in one.metadata}
    assert {"side", "photos_per_batch", "vectors", "patience", "lstm_units", "learning_rate"} <= named
    assert named <= set(inspect.signature(train).parameters)
    assert all(one.metadata["spec"].help.endswith(".") for one in told if "spec" in one.metadata)


def test_a_default_that_differs_is_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "[default: (20; 50 with --features)]" in words
    assert "[default: (0.0015; 0.001 with --features)]" in words
    assert "[default: (1024)]" in words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--units", "9"], "attention from photos"),
        (["--batch", "9"], "attention from photos"),
        (["--arch", "lstm"], "is needed for lstm"),
        (["--arch", "mlp", "--features", "none", "--lstm-units", "9"], "mlp with --features"),
        (["--arch", "mlp", "--features", "none", "--side", "64"], "mlp with --features"),
        (["--arch", "mlp", "--features", "none", "--targets", "hard"], "allowed are: modal, soft"),
        (["--arch", "mlp", "--features", "none", "--tune-vectors"], "goes with --vectors"),
        (["--log-dir", "curves"], "goes with --features"),
        (["--arch", "gru"], "allowed are: attention, mlp, lstm"),
        (["--side", "33"], "divisible by 32"),
        (["--epochs", "0"], "--epochs"),
        (["--learning-rate", "nan"], "Input should be"),
        (["--learning-rate", "inf"], "is inf; give a number"),
        (["--learning-rate", "0"], "is 0, which learns nothing"),
        (["--max-risk", "nan"], "Input should be"),
    ],
)
def test_what_does_not_go_together_is_refused_and_leaves_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", str(tmp_path), "--out", str(tmp_path / "run"), *arguments])
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "run").exists()


TWO = '{"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": %s}}'


@pytest.mark.parametrize(
    ("tf_config", "arguments", "code", "said"),
    [
        (TWO % 0, [], 2, "several machines train on stored features, not from photos"),
        ("", ["--ray"], 2, "several machines train on stored features, not from photos"),
        (TWO % 0, ["--arch", "mlp", "--features", "none", "--ray"], 2, "sets TF_CONFIG for its workers"),
        ("", ["--workers", "3"], 2, "does nothing without --ray"),
        ("", ["--wait-for-workers", "3"], 2, "does nothing where TF_CONFIG names no other machine"),
        (
            TWO % 2,
            ["--arch", "mlp", "--features", "none"],
            1,
            "this is worker 2; its 2 of these are numbered 0 to 1",
        ),
        ("{", ["--arch", "mlp", "--features", "none"], 1, "TF_CONFIG is no JSON"),
    ],
)
def test_what_several_machines_cannot_do_is_refused_before_anything_starts(
    tf_config: str,
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", str(tmp_path), "--out", str(tmp_path / "run"), *arguments])
    assert ended.value.code == code
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "run").exists()
