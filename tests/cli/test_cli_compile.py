"""`asksight compile`: a table of what was built, a refusal with its reason, and a plan that serves."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from bundles import write_random_bundle
from pieces_bundles import write_joint_bundle, write_spelled_bundle
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from vqa_files import write_easy_vqa

from asksight.cli.compile_progress import compile_progress
from asksight.cli.dataset_samples import samples_of
from asksight.cli.main import main
from asksight.client import load
from asksight.engine import Bundle, load_bundle
from asksight.engine.bundle.keep_samples import keep_samples
from asksight.engine.bundle.samples import ENOUGH, kept_samples, misfit
from asksight.engine.plans.sidecar import plans
from asksight.engine.text_models import TextStage
from asksight.server.asks import Ask
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.training.datasets.bad_entries import BadEntries
from asksight.training.scenes.make_scenes import make_split

PHOTO = Path(__file__).parent.parent.parent / "cli" / "demo_photos" / "shapes.jpg"


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out, shown.err


def test_a_bundle_is_built_listed_and_then_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    code, out, err = run(
        ["compile", str(bundle.path), "--precision", "float32", "--max-batch", "4", "--json"], capsys
    )
    assert code == 0, err
    encoder, answerer, *pairs = (json.loads(line) for line in out.splitlines())
    assert (encoder["stage"], answerer["stage"]) == ("encoder", "answerer")
    assert encoder["agreement"] == answerer["agreement"] == 1
    assert [(pair["stage"], pair["agreement"], pair["samples"]) for pair in pairs] == [("both", 1, 512)]
    assert encoder["samples"] >= 500
    assert encoder["refused"] is None
    assert "made-up patches" in err
    with load(bundle.path, engine="openvino") as asksight:
        model = asksight.model()
        assert (model.engine, model.precision) == ("openvino", "float32")
        by_openvino = asksight.ask(PHOTO.read_bytes(), "What is this?")
    with load(bundle.path, engine="onnxruntime") as asksight:
        by_default = asksight.ask(PHOTO.read_bytes(), "What is this?")
    assert [one.label for one in by_openvino.answers] == [one.label for one in by_default.answers]
    data = write_easy_vqa(tmp_path / "val")
    figures = []
    for engine in ("openvino", "onnxruntime"):
        code, out, err = run(
            ["evaluate", str(bundle.path), "--data", str(data), "--engine", engine, "--json"], capsys
        )
        assert code == 0, err
        figures.append(json.loads(out)["exact"])
    assert figures[0] == figures[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What one build says, on standard output and on standard error."""
    bundle = write_random_bundle(tmp_path_factory.mktemp("built") / "bundle")
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["compile", str(bundle.path), "--precision", "float32", "--max-batch", "2"])
    assert not ended.value.code, err.getvalue()
    return out.getvalue(), err.getvalue()


def test_the_table_says_what_a_person_wants_to_know(built: tuple[str, str]) -> None:
    out, _ = built
    for words in ("photos/s", "questions/s", "agreement", "openvino float32", "100.00% of 512"):
        assert words in out
    assert "openvino float32 and openvino float32" in out


def test_what_is_done_is_told_on_standard_error_with_its_seconds(built: tuple[str, str]) -> None:
    _, err = built
    samples, *steps = err.splitlines()
    assert samples.startswith("512 questions about 64 photos to compare on: made-up")
    assert [re.sub(r"[\d.]+ s$", "", step) for step in steps] == [
        "both: onnxruntime float32: running and timing, ",
        *(
            f"{stage}: openvino float32: {what}, "
            for stage in ("encoder", "answerer")
            for what in ("building", "opening", "comparing with float32", "timing")
        ),
        "both: openvino float32 and openvino float32: comparing with float32, ",
    ]


def test_on_a_terminal_the_step_under_way_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(force_terminal=True, stderr=True, width=100, highlight=False)
    progress = compile_progress(console)
    with progress.step("encoder: openvino [int8]: building"):
        pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "encoder: openvino [int8]: building …" in shown.err
    assert "encoder: openvino [int8]: building, " in shown.err


def test_a_precision_that_loses_answers_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    arguments = ["compile", str(bundle.path), "--precision", "int8", "--max-batch", "2"]
    code, out, err = run([*arguments, "--min-agreement", "1", "--json"], capsys)
    assert code == 0
    rows = [row for line in out.splitlines() if (row := json.loads(line))["stage"] != "both"]
    for row in rows:  # a random net of ten answers loses some in one stage or the other
        if row["refused"] is not None:
            assert row["precision"] == "float32"
            assert f"{row['stage']}: openvino int8 is refused" in err
    assert any(row["refused"] is not None for row in rows)
    assert len(list(plans(bundle.path, "encoder"))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "tpu"], "There is no engine 'tpu' to build for; choose one of: openvino"),
        (["--precision", "fp8"], "openvino has no precision 'fp8'; choose one of: float32, bf16, int8"),
    ],
)
def test_what_there_is_not_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    code, _, err = run(["compile", str(bundle.path), *options], capsys)
    assert code == 1
    assert said in err
    assert err.count("\n") == 1


def test_samples_come_from_a_data_set(tmp_path: Path) -> None:
    make_split(tmp_path / "data", "val", pictures=3, seed=1, processes=1)
    bundle = load_bundle("scenes")
    samples = samples_of(bundle, tmp_path / "data", "val")
    assert misfit(samples, bundle) is None
    assert len(samples.photos) == 3
    assert len(samples.lengths) >= 512


@pytest.mark.parametrize("write", [write_spelled_bundle, write_joint_bundle])
def test_a_bundle_of_schema_2_is_built_on_samples_of_its_own_and_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write: Callable[..., Bundle]
) -> None:
    bundle = write(tmp_path / "bundle", max_tokens=20)
    samples = samples_of(bundle, write_easy_vqa(tmp_path / "val"), "val", photos=6)
    assert misfit(samples, bundle) is None
    assert (samples.grids is not None) == bundle.takes_grid
    keep_samples(bundle, samples)
    code, out, err = run(
        ["compile", str(bundle.path), "--precision", "float32", "--max-batch", "3", "--json"], capsys
    )
    assert code == 0, err
    assert [json.loads(line)["agreement"] for line in out.splitlines()] == [1, 1, 1]
    replies = []
    for engine in ("openvino", "onnxruntime"):
        with load(bundle.path, engine=engine) as asksight:
            assert asksight.model().engine == engine
            replies.append(asksight.ask(PHOTO.read_bytes(), "what is this dog?"))
    first, second = ({one.label: one.probability for one in reply.answers} for reply in replies)
    assert first == pytest.approx(second, abs=1e-4)


def test_samples_of_a_data_set_are_kept_and_compared_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_split(tmp_path / "data", "val", pictures=3, seed=1, processes=1)
    bundle = tmp_path / "bundle"
    shutil.copytree(load_bundle("scenes").path, bundle, ignore=shutil.ignore_patterns("engines"))
    arguments = ["samples", str(bundle), "--data", str(tmp_path / "data"), "--photos", "2"]
    code, out, err = run(arguments, capsys)
    assert code == 0, err
    assert out.startswith("10 questions about 2 photos are kept")
    assert "512 pairs" in out
    kept = kept_samples(load_bundle(bundle))
    assert kept is not None
    assert kept.source == f"{tmp_path / 'data'}, split val"
    assert load_bundle(bundle).training == load_bundle("scenes").training


def test_photos_that_went_bad_are_named_together_or_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_split(tmp_path / "data", "val", pictures=4, seed=1, processes=1)
    for photo in sorted((tmp_path / "data").rglob("*.jpg"))[:2]:
        photo.write_bytes(b"cut")
    bundle = tmp_path / "bundle"
    shutil.copytree(load_bundle("scenes").path, bundle, ignore=shutil.ignore_patterns("engines"))
    arguments = ["samples", str(bundle), "--data", str(tmp_path / "data"), "--photos", "2"]
    code, _, err = run(arguments, capsys)
    assert code == 1
    assert "2 entries are bad (2 bad photo)" in err
    assert "--skip-bad" in err
    code, out, err = run([*arguments, "--skip-bad"], capsys)
    assert code == 0, err
    assert out.startswith(
        "left out, bad photo: 2\n10 questions about 2 photos are kept"
    )  # others took their place
    opened, problems = load_bundle(bundle), BadEntries(skip=True)
    assert len(samples_of(opened, tmp_path / "data", "val", problems=problems).photos) == 2
    assert problems.counts == {"bad photo": 2}


def test_the_built_in_bundle_keeps_real_scenes() -> None:
    kept = kept_samples(load_bundle("scenes"))
    assert kept is not None
    assert len(kept.photos) >= 14
    assert len(kept.lengths) >= ENOUGH


@pytest.mark.slow
def test_the_reader_is_built_into_a_bundle_and_then_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    code, out, err = run(
        ["compile", str(bundle.path), "--reader", "--precision", "float32", "--json"], capsys
    )
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["stage"], row["agreement"]) for row in rows] == [
        ("finder", 1),
        ("turner", 1),
        ("line_reader", 1),
    ]
    assert sum(1 for stage in TextStage for _ in plans(bundle.path, stage)) == 3
    with LocalAssistant(limits=Limits(hang_after_s=300)) as local:
        local.add_reader(engine="openvino", threads=2, root=bundle.path)
        reader = local.assistant.reader
        assert reader is not None
        found = local.thread.run(reader.read(Ask(question="", photo=page("Best before 12.03.2027"))))
    assert [line.text for line in found.text.lines] == ["Best before 12.03.2027"]
    assert "is not taken" not in caplog.text


def test_the_reader_is_not_built_in_int8(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(["compile", "scenes", "--reader", "--precision", "int8"], capsys)
    assert code == 1
    assert "not built in int8" in err
    code, _, err = run(["compile", "scenes", "--reader", "--max-batch", "4"], capsys)
    assert code == 2
    assert "--max-batch" in err


def page(text: str) -> bytes:
    picture = Image.new("RGB", (1000, 740), "white")
    ImageDraw.Draw(picture).text((120, 300), text, "black", ImageFont.load_default(60))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
