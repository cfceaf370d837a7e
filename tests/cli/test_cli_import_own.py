"""`asksight import keras|onnx` as a person types it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from keras_2_files import easy_vqa_config, easy_vqa_weights, write_hdf5

Run = Callable[..., "subprocess.CompletedProcess[str]"]
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


def test_a_model_is_imported_and_the_next_step_said(run: Run, here: Run, tmp_path: Path) -> None:
    sizes = {"side": 16, "words": 4, "answers": 3}
    write_hdf5(tmp_path / "model.h5", easy_vqa_config(**sizes), easy_vqa_weights(**sizes))
    (tmp_path / "spec.toml").write_text(SPEC)
    (tmp_path / "words.txt").write_text("what\nis\nred\n")
    (tmp_path / "answers.txt").write_text("yes\nno\nred\n")
    paths = (tmp_path / "model.h5", "--spec", tmp_path / "spec.toml", "--out", tmp_path / "bundle")
    ran = run("import", "keras", *paths)
    assert "shapes 1: 3 answers" in ran.stdout
    assert "Answers as Keras does; probabilities differ by" in ran.stdout
    assert f"Next: asksight calibrate {tmp_path / 'bundle'} --data DATA" in ran.stdout
    told = json.loads(here("import", "keras", *paths, "--json", "--name", "other").stdout)
    assert (told["name"], told["answers"], told["calibrated"]) == ("other", 3, False)
    assert told["largest_difference"] < 1e-5
    (tmp_path / "answers.txt").write_text("yes\nno\n")
    refused = here("import", "keras", *paths, code=1)
    line = "asksight: The model gives [3] scores a question; 2 answers are listed, one a line."
    assert refused.stderr.splitlines()[-1] == line
    refused = here("import", "onnx", *paths, code=1)
    assert refused.stderr.splitlines()[-1] == f"asksight: {tmp_path / 'model.h5'} is no ONNX model."
