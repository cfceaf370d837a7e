"""`asksight import blip` and `vilt`: from a published folder to an answer about a photo."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from photo_files import encoded, picture
from published_models import published

from asksight.cli.import_blip import blip
from asksight.cli.main import main
from asksight.client import load
from asksight.engine import load_bundle
from asksight.engine.bundle import Card
from asksight.training.importing.blip import BEAMS, PIECES
from asksight.training.importing.named import NOT_FOR


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


def asked(bundle: Path, size: tuple[int, int]) -> Any:
    with load(str(bundle)) as client:
        return client.ask(encoded(picture(*size), "PNG"), "word9 word10s?", top_k=9)


def test_blip_spells_answers_about_a_photo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = published(tmp_path / "somewhere", "blip-even"), tmp_path / "bundle"
    assert (
        run("import", "blip", source, "--out", out, "--beams", "3", "--pieces", "4", "--name", "small") == 0
    )
    said = capsys.readouterr().out
    assert "small 1: 3 spelled answers a question" in said
    assert "it says of no answer that it is sure" in said
    reply = asked(out, (60, 40))
    assert 1 <= len(reply.answers) <= 3
    assert 0 < sum(one.probability for one in reply.answers) <= 1
    assert load_bundle(out).card == Card(not_for=NOT_FOR)  # nothing more is known of a folder
    assert reply.answer is None  # nobody has measured how often it is right


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (1200, 20)])
def test_vilt_answers_about_photos_of_any_shape(
    tmp_path: Path, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = published(tmp_path / "somewhere", "vilt-small"), tmp_path / "bundle"
    assert run("import", "vilt", source, "--out", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["answers"], told["calibrated"]) == ("somewhere", 17, False)
    reply = asked(out, size)
    assert len(reply.answers) == 9
    assert all(0 < one.probability < 1 for one in reply.answers)


def test_questions_are_cut_as_published_or_as_by_the_authors(tmp_path: Path) -> None:
    source = published(tmp_path / "somewhere", "blip-even")
    assert run("import", "blip", source, "--out", tmp_path / "hub", "--pieces", "2") == 0
    assert run("import", "blip", source, "--out", tmp_path / "original", "--pieces", "2", "--original") == 0
    hub, original = (load_bundle(tmp_path / one) for one in ("hub", "original"))
    assert hub.pieces is not None
    assert original.pieces is not None
    assert (hub.words[hub.pieces.first], hub.pieces.strip) == ("[CLS]", "")
    assert (original.words[original.pieces.first], original.pieces.strip) == ("[ENC]", '.!"()*#:;~')


def test_the_defaults_of_the_flags_are_those_of_the_import() -> None:
    flags = inspect.signature(blip).parameters
    assert (flags["beams"].default, flags["pieces"].default) == (BEAMS, PIECES)


def test_what_is_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = published(tmp_path / "somewhere", "vilt-small")
    assert run("import", "blip", source, "--out", tmp_path / "bundle") == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"asksight: {source}/config.json is of 'vilt'; asksight import blip takes BlipForQuestionAnswering. "
        "See docs/models.md for what can be imported."
    ]
    assert not (tmp_path / "bundle").exists()
