"""A run folder becomes a bundle that answers as its Keras models do, or nothing at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from onnx_parity import randomise
from vqa_files import write_easy_vqa, write_photo

from asksight.cli.main import main
from asksight.engine import BundleError, Calibration, load_bundle
from asksight.engine.bundle.familiar import familiarity_of
from asksight.ext import dump_rules, english
from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant
from asksight.training.errors import ExportError, TrainingError
from asksight.training.exporting import export
from asksight.training.exporting.export import compare, export_run, sample_photos, sample_questions
from asksight.training.learning.runs import Run, TrainSettings, calibration_json, write_json, write_lines
from asksight.training.measuring.calibration_record import calibrate_run
from asksight.training.measuring.familiar_run import QuestionsAsked, learn_familiar
from asksight.training.models.layers import LengthMask

ANSWERS = ("yes", "no", "red", "unanswerable")
WORDS = ("what", "is", "red", "?", "<unknown 0>", "<unknown 1>")
SIDE, DIMENSION = 32, 6


def write_run(path: Path, *, side: int = SIDE) -> Run:
    """A made-up pair of models, a grid encoder and a GRU answerer, with everything a run folder holds."""
    image = keras.Input((side, side, 3), name="image")
    x = layers.Conv2D(4, 5, strides=8, padding="same", use_bias=False)(layers.Rescaling(1 / 255)(image))
    encoder = keras.Model(image, layers.ReLU(name="features")(layers.BatchNormalization()(x)))
    question = keras.Input((None, DIMENSION), name="question")
    lengths = keras.Input((), dtype="int32", name="lengths")
    features = keras.Input(encoder.output_shape[1:], name="features")
    asked = layers.GRU(5)(question, mask=LengthMask()(lengths, question))
    seen = layers.GlobalAveragePooling2D()(features)
    answerer = keras.Model(
        [question, lengths, features], layers.Dense(len(ANSWERS))(layers.Concatenate()([asked, seen]))
    )
    run = Run(path)
    run.begin(TrainSettings(side=side, data="scenes", max_tokens=9))
    for model, file in ((encoder, run.encoder), (answerer, run.answerer)):
        randomise(model)
        model.save(file)
    write_lines(run.words, WORDS)
    write_lines(run.answers, ANSWERS)
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), DIMENSION))
    np.save(run.vectors, vectors.astype(np.float16))
    write_json(run.calibration, calibration_json(Calibration(temperature=0.5, answered_threshold=0.6)))
    write_json(run.history, [{"step": 10, "loss": 0.5}])
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "small")


def test_a_store_for_a_run_that_has_an_encoder_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has an encoder of its own; leave --features out"):
        export_run(run.path, tmp_path / "bundle", store=tmp_path)
    assert not (tmp_path / "bundle").exists()


def test_what_calibration_did_goes_with_the_bundle(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    logits = np.random.default_rng(0).normal(size=(200, len(ANSWERS))).astype(np.float32)
    answers = logits.argmax(axis=1).astype(np.int32)
    certain = calibrate_run(run, logits, answers, unanswerable=3, max_risk=0.05)
    bundle = export_run(run.path, tmp_path / "bundle").bundle
    best = bundle.calibration.probabilities(logits).max(axis=1)
    assert certain.tolist() == ((best >= bundle.calibration.answered_threshold) & (answers != 3)).tolist()
    record = bundle.training["calibration"]
    assert (record["questions"], record["max_risk"]) == (200, 0.05)
    assert record["nll"]["after"] < record["nll"]["before"]
    (run.path / "calibration_figures.json").write_text("{")
    with pytest.raises(TrainingError, match=r"calibration_figures\.json is broken"):
        export_run(run.path, tmp_path / "again")


def test_what_the_run_knows_goes_with_the_bundle(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    rows = np.random.default_rng(0).normal(size=(200, 4, 4, 4)).astype(np.float32)
    asked = QuestionsAsked(
        questions=["what is red?"] * 200, photo_of=np.arange(200), features=lambda photos: rows[photos]
    )
    learn_familiar(run, asked, asked, np.ones(200, bool))
    bundle = load_bundle(export_run(run.path, tmp_path / "bundle").bundle.path)
    familiarity = familiarity_of(bundle)
    assert familiarity is not None
    assert not familiarity.far(rows).all()
    assert familiarity.far(np.full((1, 4, 4, 4), 99, np.float32)).all()
    assert [familiarity.strange(text) for text in ("Is it red?", "Is it a dog?")] == [False, True]
    assert set(bundle.training["familiar"]) == {"held_out", "lost"}
    run.known.write_bytes(b"no archive")
    with pytest.raises(BundleError, match=r"familiar\.npz"):
        export_run(run.path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_the_bundle_is_the_run(run: Run, tmp_path: Path) -> None:
    exported = export_run(run.path, tmp_path / "bundle", version="7")
    bundle = load_bundle(tmp_path / "bundle")
    assert exported.largest_difference < 1e-5
    assert (bundle.name, bundle.version, bundle.architecture) == ("small", "7", "attention")
    assert (bundle.image_height, bundle.image_width, bundle.image_dtype) == (SIDE, SIDE, "uint8")
    assert bundle.feature_shape == (4, 4, 4)
    assert bundle.answers == ANSWERS
    assert bundle.words == WORDS
    assert (bundle.unanswerable, bundle.unknown_rows, bundle.max_tokens) == ("unanswerable", 2, 9)
    assert bundle.calibration == Calibration(temperature=0.5, answered_threshold=0.6)
    assert bundle.tokenizer == dump_rules(english())
    assert bundle.training["settings"]["data"] == "scenes"
    assert bundle.training["calibration"] == {}  # this run recorded none
    assert bundle.familiar is None  # nor what it knows
    assert bundle.training["history"] == [{"step": 10, "loss": 0.5}]


def test_the_bundle_can_be_asked(run: Run, tmp_path: Path) -> None:
    export_run(run.path, tmp_path / "bundle", name="other")
    write_photo(tmp_path / "photo.png", 3)
    assistant = LocalAssistant.open(tmp_path / "bundle")
    try:
        photo = (tmp_path / "photo.png").read_bytes()
        reply = assistant.ask(Ask(photo=photo, image_id=None, question="what is red?"))
    finally:
        assistant.close()
    assert {answer.label for answer in reply.answers} <= set(ANSWERS)


@pytest.mark.parametrize("missing", ["encoder.keras", "answerer.keras", "vectors.npy", "calibration.json"])
def test_an_unfinished_run_is_refused(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "encoder.keras", "answerer.keras", "vectors.npy", "words.txt", "answers.txt"):
        (folder / name).touch()
    (folder / "calibration.json").touch()
    (folder / missing).unlink()
    with pytest.raises(ExportError, match=f"no finished run: {missing} missing"):
        export_run(folder, tmp_path / "bundle")


def test_a_model_that_answers_otherwise_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a layer had been converted wrongly: nothing is written."""
    right = export.onnx_logits

    def wrong(*arguments: Any) -> Any:
        return right(*arguments) + np.array([0.01, 0, 0, 0])

    monkeypatch.setattr(export, "onnx_logits", wrong)
    with pytest.raises(ExportError, match="does not answer as Keras does"):
        export_run(run.path, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_something_else_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").touch()
    with pytest.raises(BundleError, match="holds other things"):
        export_run(run.path, tmp_path / "mine")


def test_broken_files_are_named(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    (tmp_path / "run/calibration.json").write_text("{")
    with pytest.raises(ExportError, match=r"calibration\.json is broken"):
        export_run(tmp_path / "run", tmp_path / "bundle")


def test_comparison() -> None:
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
    assert compare(logits, logits) == 0.0
    assert 0 < compare(logits, logits + np.array([1e-5, 0, 0])) < 1e-4
    swapped = np.array([[2.0, 1.0, 0.0], [-1e-7, 0.0, -1.0]])
    assert compare(logits, swapped) < 1e-4  # a tie may fall the other way
    with pytest.raises(ExportError, match="1 of 2 best answers differ"):
        compare(logits, logits[:, [1, 0, 2]])
    with pytest.raises(ExportError, match="nan"):
        compare(logits, logits * np.nan)


def test_samples_reach_every_length(run: Run) -> None:
    photos = sample_photos(keras.models.load_model(run.encoder), seed=1)
    questions, lengths = sample_questions(np.load(run.vectors), limit=9, seed=1)
    assert set(lengths.tolist()) == set(range(1, 10))
    assert photos.shape == (32, SIDE, SIDE, 3)
    assert photos.dtype == np.uint8
    steps = np.arange(questions.shape[1])
    assert not questions[steps >= lengths[:, None]].any()
    assert json.loads(run.config.read_text())["max_tokens"] == 9


def test_the_commands(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`asksight export`, then `asksight evaluate` of the run itself and of its bundle: the same figures."""
    out, data = tmp_path / "bundle", write_easy_vqa(tmp_path / "val")
    assert asksight("export", run.path, "--out", out, "--name", "shapes", "--version", "2") == 0
    assert "shapes 2: 4 answers" in capsys.readouterr().out
    figures = []
    for model in (run.path, out):
        assert asksight("evaluate", model, "--data", data, "--json") == 0
        figures.append(json.loads(capsys.readouterr().out))
    assert [told["model"] for told in figures] == ["small run", "shapes 2"]
    assert figures[0]["exact"] == figures[1]["exact"]
    assert figures[0]["ece"] == figures[1]["ece"]
    assert asksight("export", tmp_path / "nothing", "--out", out) == 1


def asksight(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    code = caught.value.code
    return code if isinstance(code, int) else 0
