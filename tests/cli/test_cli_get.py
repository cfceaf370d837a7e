"""`asksight get`, `models` and `import OWNER/NAME`, with a stand-in for the hub: from nothing to an answer."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hub_rig import nobody
from hub_server import HubRepository, HubServer, hub_server
from published_models import published
from served import PHOTOS, served

from asksight.cli.main import main
from asksight.client import Verdict, connect
from asksight.engine import load_bundle
from asksight.engine.bundle import Card
from asksight.training.downloads import models
from asksight.training.downloads.models import MODELS, published_model
from asksight.training.importing.named import NOT_FOR

Run = Callable[..., "subprocess.CompletedProcess[str]"]
BLIP = next(one for one in MODELS if one.name == "blip-vqa")


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny one with random weights."""
    return published(tmp_path_factory.mktemp("published") / "blip", "blip-even")


@pytest.fixture
def hub(blip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """It is what the hub has under the name of the catalogue."""
    with hub_server(**{BLIP.repository: HubRepository.of(blip, commit=BLIP.commit)}) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield serving


@pytest.fixture
def tiny(blip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue with the checksum of the tiny model."""
    sha256 = hashlib.sha256((blip / "model.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr(models, "MODELS", (replace(BLIP, sha256=sha256),))


@pytest.mark.parametrize("compiling", ["--no-compile", pytest.param("--compile", marks=pytest.mark.slow)])
def test_from_nothing_to_an_answer(
    hub: HubServer, tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], compiling: str
) -> None:
    out = tmp_path / "blip-vqa"
    with pytest.raises(SystemExit) as ended:
        main(["get", "blip-vqa", "--out", str(out), compiling])
    shown = capsys.readouterr()
    assert ended.value.code == 0, shown.err
    assert f"Next: asksight serve --model {out}" in shown.out
    assert ("openvino" in shown.out) == (compiling == "--compile")
    assert "fetching Salesforce/blip-vqa-base" in shown.err
    bundle = load_bundle(out)
    source = bundle.source
    assert source is not None
    assert (source.repository, source.revision, source.licence) == (
        BLIP.repository,
        BLIP.commit,
        "BSD-3-Clause",
    )
    assert source.sha256 == models.MODELS[0].sha256
    assert source.figure is not None
    assert source.figure.value == 78.2
    assert bundle.card == Card(trained_on=BLIP.trained_on, not_for=NOT_FOR)
    with pytest.raises(SystemExit):
        main(["inspect", str(out)])
    inspected = " ".join(capsys.readouterr().out.split())
    assert "It was trained on 129 million photos with texts" in inspected
    assert "It is not for reading text; judging medicine, money or traffic." in inspected
    with served(out) as address, connect(address, timeout=60) as client:
        reply = client.ask(PHOTOS / "shapes.jpg", "What colour is the circle?")
        assert reply.answers
        assert reply.verdict is not Verdict.ANSWERED  # nobody has measured it
        told = client.model()
        assert told.name == "blip-vqa"
        assert any(line.startswith("It was trained on 129 million photos") for line in told.about)


def test_weights_that_are_not_those_of_the_catalogue_are_refused(
    hub: HubServer, run: Run, tmp_path: Path
) -> None:
    ran = run("get", "blip-vqa", "--out", tmp_path / "out", code=1)
    assert one_line(ran.stderr).startswith("asksight: The weights of Salesforce/blip-vqa-base@")
    assert not (tmp_path / "out").exists()
    assert hub.fetched() == []


def test_a_name_on_the_hub_is_imported_and_from_the_cache_without_a_network(
    hub: HubServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("import", "blip", BLIP.repository, "--out", tmp_path / "first", "--json")
    assert json.loads(ran.stdout)["name"] == "blip-vqa-base"
    source = load_bundle(tmp_path / "first").source
    assert source is not None
    assert source.revision == BLIP.commit
    monkeypatch.setenv("HF_ENDPOINT", nobody())
    ran = run("import", "blip", BLIP.repository, "--out", tmp_path / "second")
    assert "is taken as it was fetched before" in ran.stderr
    assert (tmp_path / "second" / "bundle.json").is_file()


def test_without_a_network_it_is_one_line_and_soon(
    hub: HubServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", nobody())
    began = time.monotonic()
    ran = run("get", "blip-vqa", "--out", tmp_path / "out", code=1)
    assert "cannot be reached" in one_line(ran.stderr)
    assert time.monotonic() - began < 20  # the library alone tries for longer than that
    assert not list(tmp_path.rglob("*"))


def test_a_folder_of_other_things_is_noticed_before_the_download(
    hub: HubServer, here: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear")
    ran = here("get", "blip-vqa", "--out", tmp_path / "mine", code=1)
    assert "holds other things than a bundle" in one_line(ran.stderr)
    assert hub.asked == []


def test_a_name_that_is_not_in_the_catalogue(here: Run) -> None:
    assert "allowed are blip-vqa, " in " ".join(here("get", "blip", code=2).stderr.split())


def test_the_catalogue(here: Run) -> None:
    shown = here("models").stdout
    rows = [json.loads(line) for line in here("models", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == [one.name for one in MODELS]
    for row in rows:
        assert row["command"] in shown
        assert row["accuracy"]["conditions"] in shown
        assert published_model(row["name"]) is not None
        assert row["revision"] == row["commit"] or row["revision"].startswith("refs/pr/")


def one_line(text: str) -> str:
    (line,) = text.splitlines()
    assert line.startswith("asksight: ")
    return line
