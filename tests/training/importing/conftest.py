"""An easy-VQA network as Keras 2 wrote it, its spec, and the bundle that it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
from keras_2_files import easy_vqa_config, easy_vqa_weights, write_hdf5

WORDS = (
    "the",
    "is",
    "shape",
    "what",
    "there",
    "image",
    "a",
    "does",
    "contain",
    "red",
    "blue",
    "green",
    "in",
    "not",
)
ANSWERS = ("circle", "green", "red", "gray", "yes", "teal", "black")
SPEC = """
[image]
scale = "1/255"
offset = -0.5

[question]
form = "binary"
words = "words.txt"

[answers]
file = "answers.txt"
"""


@pytest.fixture(scope="session")
def easy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model.h5, spec.toml, words.txt and answers.txt."""
    folder = tmp_path_factory.mktemp("easy")
    sizes = {"side": 16, "words": len(WORDS) + 1, "answers": len(ANSWERS)}
    write_hdf5(folder / "model.h5", easy_vqa_config(**sizes), easy_vqa_weights(**sizes))
    (folder / "spec.toml").write_text(SPEC)
    (folder / "words.txt").write_text("\n".join(WORDS) + "\n")
    (folder / "answers.txt").write_text("\n".join(ANSWERS) + "\n")
    return folder
