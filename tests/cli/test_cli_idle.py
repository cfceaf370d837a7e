"""An option that would do nothing where it is given is refused, by every verb."""

from __future__ import annotations

from pathlib import Path

import pytest

from asksight.cli.main import main

IDLE = [
    "data prepare D --out O --seed 1",
    "data prepare D --out O --no-photos --photos D",
    "vectors V --out O --words W --split train",
    "vectors V --out O --words W --min-count 1",
    "vectors V --out O --words W --skip-bad",
    "evaluate --results R --annotations A --split val",
    "evaluate --results R --annotations A --engine auto",
    "features --out O --mat M --id-map I --encoder vgg16",
    "features --out O --mat M --id-map I --weights random",
    "features --out O --mat M --id-map I --grid",
    "features --out O --mat M --id-map I --batch 9",
    "features --out O --mat M --id-map I --skip-bad",
    "features --out O --data D --seed 3",
    "ask P Q --token T",
    "ask P Q --tls",
    "ask P Q --model M --tls-authority A",
    "tokens --rows --json",
    "compile B --split val",
    "compile B --skip-bad",
    "calibrate B --data D --keep-thresholds --max-risk 0.1",
]


@pytest.mark.parametrize("line", IDLE)
def test_it_is_an_error(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "does nothing" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []
