"""Plans of the reader's graphs: built, compared with float32, opened where they fit, and left where they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asksight.engine import EngineError
from asksight.engine.plans.compile import compile_stage
from asksight.engine.plans.pick_text import open_text_stage
from asksight.engine.plans.progress import Progress
from asksight.engine.plans.sidecar import plans
from asksight.engine.plans.text_baseline import TextBaseline
from asksight.engine.text_models import TextModels, TextStage, find_text_models
from asksight.server.reading.drawn import drawn_samples

SILENT = Progress(lambda line: None)
TURNER = TextStage.TURNER  # the lightest


@pytest.fixture(scope="module")
def models() -> TextModels:
    return find_text_models()


@pytest.fixture(scope="module")
def baseline(models: TextModels, tmp_path_factory: pytest.TempPathFactory) -> TextBaseline:
    """Of the turner, on the lines of one page."""
    samples = {TURNER: drawn_samples(models.characters, pages=1)[TURNER]}
    return TextBaseline(models, samples, root=tmp_path_factory.mktemp("bundle"), max_batch=32, threads=1)


def test_a_plan_that_agrees_is_kept_and_served(models: TextModels, baseline: TextBaseline) -> None:
    made = compile_stage(baseline, TURNER, "openvino", "float32", min_agreement=0.995, progress=SILENT)
    assert (made.sidecar.agreement, made.sidecar.samples) == (1, 24)
    without_graphs = replace(models, folder=baseline.root / "nowhere")
    engine = open_text_stage(without_graphs, TURNER, "openvino", root=baseline.root, max_batch=32, threads=1)
    (given,) = engine.infer({"x": np.zeros((3, 3, 48, 192), np.float32)}).values()
    assert given.shape == (3, 2)
    engine.close()


@pytest.mark.slow
def test_a_plan_that_does_not_fit_is_left_with_a_warning(
    models: TextModels, baseline: TextBaseline, caplog: pytest.LogCaptureFixture
) -> None:
    compile_stage(baseline, TURNER, "openvino", "float32", min_agreement=0.995, progress=SILENT)
    (plan,) = plans(baseline.root, TURNER)
    with (plan.path / "plan.bin").open("ab") as file:
        file.write(b"\0")
    open_text_stage(models, TURNER, "openvino", root=baseline.root, max_batch=32, threads=1).close()
    assert "Compile the reader again" in caplog.text


@pytest.mark.slow
def test_what_does_not_come_out_the_same_is_refused(models: TextModels, tmp_path: Path) -> None:
    samples = drawn_samples(models.characters, pages=1)[TURNER]
    never = {TURNER: replace(samples, alike=lambda wanted, got: [False])}
    other = TextBaseline(models, never, root=tmp_path, max_batch=32, threads=1)
    with pytest.raises(EngineError, match=r"0\.00% of 24 best answers"):
        compile_stage(other, TURNER, "openvino", "float32", min_agreement=0.995, progress=SILENT)
    assert not list(plans(other.root, TURNER))


def test_samples_have_the_sizes_that_are_served(models: TextModels) -> None:
    for samples in drawn_samples(models.characters, pages=1).values():
        for batch in samples.batches:
            assert batch.dtype == np.float32
            for size, least, most in zip(batch.shape, samples.least, samples.most, strict=True):
                assert least <= size <= most


def test_lines_are_the_same_where_they_are_found_at_one_place(models: TextModels) -> None:
    alike = drawn_samples(models.characters, pages=1)[TextStage.FINDER].alike
    nothing = np.zeros((1, 64, 64), np.float32)
    line, moved = nothing.copy(), nothing.copy()
    line[:, 20:40, 10:50] = 1
    moved[:, 28:48, 10:50] = 1
    assert list(alike(nothing, nothing)) == []
    assert list(alike(line, line)) == [True]
    for wanted, got in ((line, nothing), (nothing, line), (line, moved)):
        assert not all(alike(wanted, got))
