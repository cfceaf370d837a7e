"""Writing and reading bundles that are as they should be."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import (
    ANSWERS,
    DIMENSION,
    FEATURES,
    WORDS,
    random_answerer,
    random_encoder,
    write_random_bundle,
)

from asksight.engine import BundleError, Calibration, load_bundle, write_bundle
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext import WordTable


def parts(**changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "encoder": random_encoder(random),
        "answerer": random_answerer(random),
        "vectors": random.normal(size=(3, DIMENSION)).astype(np.float32),
        "words": ["what", "is", "<unknown 0>"],
        "answers": ANSWERS,
        "name": "parts",
        "version": "2.1",
        "architecture": "random",
        "preprocessing": {"resize": "pad", "resample": "bicubic", "color_order": "bgr"},
    } | changes


def test_what_is_written_is_read(tmp_path: Path) -> None:
    calibration = Calibration(temperature=1.5, answered_threshold=0.6, unanswerable_threshold=0.25)
    written = write_random_bundle(tmp_path / "bundle", calibration=calibration, max_tokens=12)
    for bundle in (
        written,
        load_bundle(tmp_path / "bundle"),
        load_bundle(str(tmp_path / "bundle"), verify=False),
    ):
        assert bundle.path == tmp_path / "bundle"
        assert (bundle.name, bundle.version, bundle.architecture) == ("random", "1", "random")
        assert (bundle.image_height, bundle.image_width, bundle.image_dtype) == (32, 32, "uint8")
        assert bundle.preprocessing == {"resize": "stretch", "resample": "bilinear", "color_order": "rgb"}
        assert bundle.feature_shape == (FEATURES,)
        assert (bundle.answers, bundle.unanswerable) == (ANSWERS, "unanswerable")
        assert bundle.words == (*WORDS, "<unknown 0>", "<unknown 1>")
        assert (bundle.vectors.shape, bundle.vectors.dtype.name) == ((len(WORDS) + 2, DIMENSION), "float16")
        assert (bundle.lower, bundle.unknown_rows, bundle.max_tokens) == (True, 2, 12)
        assert bundle.calibration == calibration
        assert bundle.training == {"command": "random weights", "figures": {"exact": 0.0}}
        assert bundle.encoder_path.is_file()
        assert bundle.answerer_path.is_file()


def test_vectors_stay_on_disk(tmp_path: Path) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    assert isinstance(bundle.vectors, np.memmap)
    assert not bundle.vectors.flags.writeable


def test_tokenizer_rules_are_carried_where_given(tmp_path: Path) -> None:
    assert write_bundle(tmp_path / "without", **parts()).tokenizer is None
    bundle = write_bundle(tmp_path / "with", **parts(tokenizer='{"é": 1}\n'))
    assert bundle.tokenizer == '{"é": 1}\n'
    assert "tokenizer.json" in bundle.files
    assert bundle.words_text == b"what\nis\n<unknown 0>\n"
    with pytest.raises(BundleError, match=r"tokenizer.json: expected a JSON object of .*, found a list"):
        write_bundle(tmp_path / "with", **parts(tokenizer="[]"))
    with pytest.raises(BundleError, match=r"tokenizer.json: expected a JSON object of .*, found Expecting"):
        write_bundle(tmp_path / "with", **parts(tokenizer="no"))
    assert load_bundle(tmp_path / "with").tokenizer == bundle.tokenizer


def test_answers_depend_on_photo_and_question(tmp_path: Path) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    table = WordTable(bundle.words, bundle.vectors, unknown_rows=bundle.unknown_rows)
    encoder = OnnxRuntimeEngine(bundle.encoder_path, max_batch=8)
    answerer = OnnxRuntimeEngine(bundle.answerer_path, max_batch=8)
    flat = np.random.default_rng(0).integers(0, 256, (6, 1, 1, 3)).astype(np.uint8)
    features = encoder.infer({"image": np.broadcast_to(flat, (6, 32, 32, 3)).copy()})["features"]
    question, lengths = table.vectors(["what colour is this?", "how many"])
    best = {
        (photo, asked): int(
            answerer.infer(
                {
                    "question": question[asked : asked + 1],
                    "lengths": lengths[asked : asked + 1],
                    "features": features[photo : photo + 1],
                }
            )["logits"].argmax()
        )
        for photo in range(6)
        for asked in range(2)
    }
    assert len({best[photo, 0] for photo in range(6)}) > 1
    assert any(best[photo, 0] != best[photo, 1] for photo in range(6))


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "a", seed=3)
    write_random_bundle(tmp_path / "b", seed=3)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == [
        "answerer.onnx",
        "answers.txt",
        "bundle.json",
        "encoder.onnx",
        "vectors.npy",
        "words.txt",
    ]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_bundle_may_move(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    assert load_bundle(tmp_path / "new").answers == ANSWERS


def test_graphs_may_be_files_and_text_any_language(tmp_path: Path) -> None:
    (tmp_path / "e.onnx").write_bytes(random_encoder(np.random.default_rng(0), image_dtype="float32"))
    answers = ("ja", "не", "لا", "赤", "🐶", "a b", "\u2028x", "10%", "'", "ÿ")
    bundle = write_bundle(tmp_path / "b", **parts(encoder=tmp_path / "e.onnx", answers=answers))
    assert (bundle.answers, bundle.image_dtype, bundle.unanswerable) == (answers, "float32", None)
    assert (bundle.vectors.dtype.name, bundle.training) == ("float32", {})


def test_the_manifest_needs_no_python_to_be_read(tmp_path: Path) -> None:
    tree = json.loads((write_random_bundle(tmp_path / "bundle").path / "bundle.json").read_text())
    assert tree["schema"] == 1
    assert tree["files"].keys() == {
        "encoder.onnx",
        "answerer.onnx",
        "vectors.npy",
        "words.txt",
        "answers.txt",
    }
    for name, record in tree["files"].items():
        data = (tmp_path / "bundle" / name).read_bytes()
        assert record == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_a_bundle_is_replaced_and_its_compiled_engines_with_it(tmp_path: Path) -> None:
    old = write_random_bundle(tmp_path / "bundle", seed=1)
    (old.path / "engines").mkdir()
    new = write_random_bundle(tmp_path / "bundle", seed=2)
    assert not (new.path / "engines").exists()
    assert load_bundle(tmp_path / "bundle").files != old.files
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert old.vectors.shape == new.vectors.shape  # still mapped


def test_other_things_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="holds other things than a bundle"):
        write_random_bundle(tmp_path)
    with pytest.raises(BundleError, match="is a file"):
        write_random_bundle(tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"vectors": np.ones((2, DIMENSION), np.float32)},
            r"vectors.npy: expected .*\[3, 12\], found \[2, 12\]",
        ),
        (
            {"vectors": np.ones((3, 5), np.float32)},
            r"answerer.onnx: .*question \[\?, \?, 5\].*found question",
        ),
        ({"vectors": np.ones((3, DIMENSION))}, r"vectors.npy: expected float16 or float32 .*found float64"),
        ({"vectors": np.full((3, DIMENSION), np.nan, np.float16)}, r"vectors.npy: the vectors hold NaN"),
        ({"answers": ANSWERS[1:]}, r"answerer.onnx: .*logits \[\?, 9\].*found logits \[\?, 10\]"),
        ({"answers": ["yes"] * 10}, r"answers.txt: expected each line once, found 'yes' twice"),
        (
            {"answers": ["\x1b[2J", *"bcdefghij"]},
            r"answers.txt: expected plain text, found a control character",
        ),
        ({"answers": ["a\nb", *ANSWERS[1:]]}, r"answers.txt: entry 0 is 'a\\nb'"),
        ({"answers": ["", *ANSWERS[1:]]}, r"answers.txt: entry 0 is ''"),
        ({"answers": ["\ud800", *ANSWERS[1:]]}, r"surrogates not allowed"),
        ({"words": ["what", "what", "<unknown 0>"]}, r"words.txt: expected each line once"),
        ({"unanswerable": "no idea"}, r"answers.txt: expected 'no idea' in it"),
        ({"unknown_rows": 4}, r"unknown_rows within the words, found 4 for 3"),
        ({"unknown_rows": 0}, r"question.unknown_rows"),
        ({"max_tokens": 0}, r"question.max_tokens"),
        ({"calibration": Calibration(temperature=0)}, r"a number over 0 as calibration.temperature, found 0"),
        ({"calibration": Calibration(answered_threshold=1.2)}, r"0 to 1 as calibration.answered_threshold"),
        ({"calibration": Calibration(temperature=float("nan"))}, r"not JSON compliant"),
        ({"preprocessing": {"resize": "stretch"}}, r"preprocessing.resample, found nothing"),
        (
            {"preprocessing": {"mean": [1]}},
            r"preprocessing.mean, found a step that this version does not know",
        ),
        ({"training": {"when": Path()}}, r"training must hold only what JSON can"),
        ({"name": ""}, r"a line of text as name"),
        ({"encoder": b"nonsense"}, r"encoder.onnx: expected an ONNX model"),
        ({"encoder": Path("/nothing.onnx")}, r"No such file"),
        ({"encoder": random_answerer(np.random.default_rng(0))}, r"encoder.onnx: it must take image"),
        (
            {"answerer": random_encoder(np.random.default_rng(0))},
            r"answerer.onnx: expected the inputs question",
        ),
        (
            {"answerer": random_answerer(np.random.default_rng(0), features=9)},
            r"answerer.onnx: .*features \[\?, 16\].*found .*features \[\?, 9\]",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_and_nothing_is_left(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        write_bundle(tmp_path / "bundle", **parts(**change))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_bundle(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "bundle")
    with pytest.raises(BundleError):
        write_bundle(tmp_path / "bundle", **parts(unknown_rows=4))
    assert load_bundle(tmp_path / "bundle").name == "random"


def test_the_built_in_bundle_is_named_not_looked_up_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_in = write_random_bundle(tmp_path / "package")
    monkeypatch.setitem(sys.modules["asksight.engine.bundle.load"].BUILT_IN, "scenes", built_in.path)
    monkeypatch.chdir(tmp_path)
    write_random_bundle(tmp_path / "scenes", name="mine")
    assert load_bundle("scenes").path == built_in.path
    assert load_bundle("./scenes").name == "mine"
