"""Your own assistant in an evening: an imported photo half, a new answerer, and each command of the docs that do it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundles import write_random_bundle
from photo_files import encoded, picture
from published_models import imported, published
from served import ROOT, served

from asksight.cli.main import main
from asksight.client import connect
from asksight.engine import Bundle, load_bundle
from asksight.engine.bundle import Card, Figure, Source
from asksight.engine.bundle.about import about
from asksight.engine.bundle.rewrite import rewrite
from asksight.training.features.lineage import inherited
from asksight.training.features.store import FeatureStore, read_about

HUB = Source(
    repository="someone/blip",
    revision="c0ffee",
    licence="BSD-3-Clause",
    figure=Figure(value=78.2, metric="VQA v2", conditions="as its authors say"),
)
CARD = Card(trained_on=("many photos",), figures=("78.2 % of something",), not_for=("reading text",))


def asksight(line: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line))
    assert (ended.value.code or 0) == code, line


def documented() -> list[str]:
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    section = page.partition("## Your own assistant in an evening")[2]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [line.partition("#")[0].strip().removeprefix("asksight ") for line in block[1].splitlines()]


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a data set as it is published, and a tiny bundle where `get` would put the real one."""
    monkeypatch.chdir(tmp_path)
    asksight("data scenes --out my-photos --train 45 --val 0 --questions 12 --seed 3 --json")
    bundle = imported(published(tmp_path / "published", "blip-even"), tmp_path / "blip-vqa", "blip-even")
    rewrite(bundle, lambda manifest: replace(manifest, source=HUB, card=CARD))
    return tmp_path


def test_each_command_of_the_docs(evening: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = documented()
    assert [line.split()[0] for line in lines] == [
        *("get", "data", "features", "train", "evaluate", "export", "calibrate", "serve"),
    ]
    for line in lines[1:-1]:
        quick = " --epochs 1 --dimension 8" if line.startswith("train") else ""
        asksight(line + quick)
    said = capsys.readouterr().out
    assert "17 x 32 float16 each" in said
    assert lines[-1] == "serve --model my-assistant"
    bundle = load_bundle("my-assistant")
    _of_the_import(bundle)
    with served(bundle.path) as address, connect(address, timeout=60) as client:
        reply = client.ask(encoded(picture(60, 40), "PNG"), "how many red circles are there?")
        told = client.model()
    assert {answer.label for answer in reply.answers} <= set(bundle.answers)
    assert any("Its photo half was published as someone/blip" in line for line in told.about)


def _of_the_import(bundle: Bundle) -> None:
    """The photo half, and what is said of it; the rest is new."""
    taken = load_bundle("blip-vqa")
    assert (bundle.architecture, bundle.feature_shape) == ("attention", (17, 32))
    assert bundle.graph_sha256("encoder") == taken.graph_sha256("encoder")
    assert bundle.preprocessing == taken.preprocessing
    assert bundle.calibration.calibrated
    assert bundle.spelling is None
    assert bundle.source is not None
    assert (bundle.source.licence, bundle.source.part, bundle.source.figure) == (
        "BSD-3-Clause",
        "encoder",
        None,
    )
    assert bundle.card.trained_on == (
        "the split train of my-data (its answers)",
        "many photos (its photo half)",
    )
    assert bundle.card.not_for == CARD.not_for
    assert "78.2" not in " ".join(about(bundle))
    assert "exact on the questions of my-data held out" in bundle.card.figures[0]


def test_features_are_the_bundles_and_gone_on_with(evening: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asksight("features --encoder blip-vqa --data my-photos --out store --dtype float32 --json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["feature_shape"] == [17, 32]
    kept = FeatureStore(Path("store"), "train")
    with np.load("store/samples.npz") as samples:
        np.testing.assert_allclose(kept.read(np.arange(8)), samples["features"], atol=1e-5)
    assert read_about(Path("store")).preprocessing == load_bundle("blip-vqa").preprocessing
    done = np.load("store/train/done.npy")
    done[5:] = 0
    np.save("store/train/done.npy", done)
    asksight("features --encoder blip-vqa --data my-photos --out store --dtype float32 --json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["new"] == len(done) - 5


def test_a_row_a_photo_is_for_the_mlp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a bundle that takes float32 pixels, and says nothing of itself."""
    monkeypatch.chdir(tmp_path)
    asksight("data scenes --out data --train 12 --val 4 --questions 6 --json")
    taken = write_random_bundle(tmp_path / "theirs", image_dtype="float32")
    asksight("features --encoder theirs --data data --out store")
    assert "train --from theirs --arch lstm" in capsys.readouterr().out
    sizes = "--units 8 --hidden 1 --dimension 8 --epochs 1"
    asksight(f"train --from theirs --arch mlp --features store --data data --out run {sizes}")
    asksight("export run --out mine")
    bundle = load_bundle("mine")
    assert (bundle.architecture, bundle.image_dtype, bundle.feature_shape) == ("mlp", "float32", (16,))
    assert bundle.graph_sha256("encoder") == taken.graph_sha256("encoder")
    assert bundle.source is None
    assert bundle.card.trained_on[1] == "whatever random was trained on (its photo half)"


def test_what_does_not_fit_is_one_line(evening: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(published(evening / "vilt", "vilt-small"), evening / "vilt-vqa", "vilt-small")
    asksight("features --encoder vilt-vqa --data my-photos --out store", code=1)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "reads photo and question together" in said[0]
    assert not Path("store").exists()
    asksight("features --encoder blip-vqa --grid --data my-photos --out store", code=2)
    assert "leave --weights, --grid and --seed out" in " ".join(
        capsys.readouterr().err.replace("│", " ").split()
    )
    asksight("features --encoder blip-vqa --data my-photos --out store")
    asksight("train --from scenes --features store --data my-photos --out run", code=1)
    assert "was made by another encoder" in capsys.readouterr().err
    asksight("train --from blip-vqa --data my-photos --out run", code=2)
    assert "needs --features" in capsys.readouterr().err
    asksight("train --arch mlp --features store --data my-photos --out run", code=1)
    assert "holds several places [17, 32] a photo; mlp takes one row" in capsys.readouterr().err
    assert not Path("run").exists()


def test_what_is_said_of_a_photo_half_stays_with_it() -> None:
    """Where nothing is known, that is said; of a bundle that took its photo half over, only that half's lines are."""
    settings, history = {"data": "/somewhere/mine", "train_split": "train"}, [{"val_exact": {"all": 0.5}}]

    def trained_on(lines: list[str]) -> tuple[str, ...]:
        card = {"trained_on": lines, "not_for": []}
        told = {"name": "theirs", "bundle": {"source": None, "card": card}}
        return inherited(told, settings, history)[1].trained_on[1:]

    assert trained_on([]) == ("whatever theirs was trained on (its photo half)",)
    assert trained_on(["photos."]) == ("photos (its photo half)",)
    assert trained_on(["more (its answers)", "photos (its photo half)"]) == ("photos (its photo half)",)
    assert inherited({"name": "vgg16"}, settings, history) == (None, Card())
