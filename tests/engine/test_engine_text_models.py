"""The reader's graphs are found without importing their package, checked, and refused in one sentence."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from asksight.engine import EngineError, text_models
from asksight.engine.text_models import FILES, TextStage, find_text_models, open_text_engine


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    """Let the package lie in that folder."""
    spec = None if folder is None else SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(text_models, "find_spec", lambda name: spec)


def test_they_are_found_with_their_characters() -> None:
    models = find_text_models()
    assert models.characters[-1] == " "
    assert {"a", "Z", "7", "€", "ß", "ñ"} <= set(models.characters)
    assert "rapidocr" not in sys.modules


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, None)
    with pytest.raises(EngineError, match=r"not installed.*\[ocr\]"):
        find_text_models()


def test_other_graphs_than_those_that_were_measured_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, tmp_path)
    with pytest.raises(EngineError, match="cannot be read"):
        find_text_models()
    theirs = importlib.util.find_spec("rapidocr")
    assert theirs is not None
    assert theirs.submodule_search_locations
    shutil.copytree(Path(theirs.submodule_search_locations[0]) / "models", tmp_path / "models")
    with (tmp_path / "models" / FILES[TextStage.TURNER]).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(EngineError, match="not the graph that the reader was measured with"):
        find_text_models()


@pytest.mark.parametrize("kind", ["auto", "onnxruntime", "openvino:float32"])
def test_a_graph_with_an_old_kind_of_free_sizes_runs_by_either_engine(kind: str) -> None:
    engine = open_text_engine(find_text_models(), TextStage.TURNER, kind, max_batch=4, threads=1)
    (given,) = engine.infer({"x": np.zeros((3, 3, 48, 192), np.float32)}).values()
    assert given.shape == (3, 2)
    assert given.sum(axis=1) == pytest.approx(1, abs=1e-3)
    engine.close()
