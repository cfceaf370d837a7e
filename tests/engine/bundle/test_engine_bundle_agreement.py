"""Bundles whose parts or whose bundle.json do not agree are refused: what was expected, what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import ANSWERS, DIMENSION, WORDS, random_answerer, random_encoder, write_random_bundle
from damaged_bundles import FILES, edit, npy, put, refusal, set_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asksight.engine import BundleError, load_bundle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_random_bundle(tmp_path / "bundle").path


HALF, SINGLE, DOUBLE = "<f2", "<f4", "<f8"
NOT_VECTORS = "expected a float16 or float32 array [V, D] in C order, found "


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(np.ones((16, 9), HALF)), "expected the shape [16, 12], found [16, 9]. The files belong to"),
        (npy(np.ones((15, DIMENSION), HALF)), "expected the shape [16, 12], found [15, 12]"),
        (npy(np.ones(16, SINGLE)), "expected the shape [16, 12], found [16]"),
        (npy(np.ones((16, DIMENSION), DOUBLE)), NOT_VECTORS + "float64"),
        (npy(np.ones((DIMENSION, 16), SINGLE).T), NOT_VECTORS + "float32"),
        (npy(np.ones((16, DIMENSION), ">f4")), NOT_VECTORS + ">f4"),
        (
            npy(np.array([[print] * DIMENSION] * 16)),
            NOT_VECTORS + "Array can't be memory-mapped: Python objects",
        ),
        (npy(np.ones((16, DIMENSION), HALF))[:-9], NOT_VECTORS + "mmap length is greater"),
        (b"", NOT_VECTORS),
        (b"PK\x03\x04 an archive", NOT_VECTORS + "the magic string is not correct"),
        (b"\x93NUMPY\x01\x00\x05\x00{{{{\n", NOT_VECTORS),
    ],
)
def test_vectors_of_another_model_or_kind(root: Path, data: bytes, message: str) -> None:
    put(root, "vectors.npy", data)
    assert f"{root / 'vectors.npy'}: {message}" in refusal(root)


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("words.txt", lines(*WORDS), "expected 16 lines, found 14. The files belong to different models"),
        ("words.txt", lines(*WORDS, "is", "x"), "expected each line once, found 'is' twice"),
        ("words.txt", b"\xff\n" * 16, "expected UTF-8 text, found 'utf-8' codec can't decode"),
        ("answers.txt", lines(*ANSWERS, "more"), "expected 10 lines, found 11"),
        ("answers.txt", lines(*ANSWERS[:9], "x"), "expected 'unanswerable' in it, found no such answer"),
        ("answers.txt", lines(*ANSWERS)[:-1], "expected a newline after the last line, found none"),
        ("answers.txt", lines("yes", "", "no"), "expected text in every line, found line 2 empty"),
        ("answers.txt", b"", "expected 10 lines, found 0"),
    ],
)
def test_text_of_another_model_or_none(root: Path, name: str, data: bytes, message: str) -> None:
    put(root, name, data)
    assert f"{root / name}: {message}" in refusal(root)


RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "data", "expected", "found"),
    [
        (
            "encoder.onnx",
            random_encoder(RANDOM, side=64),
            "image [?, 32, 32, 3] uint8",
            "image [?, 64, 64, 3]",
        ),
        ("encoder.onnx", random_encoder(RANDOM, image_dtype="float32"), "3] uint8", "32, 3] float32"),
        (
            "encoder.onnx",
            random_answerer(RANDOM),
            "the inputs image",
            "question [?, ?, 12] float32 and lengths",
        ),
        ("encoder.onnx", b"nonsense", "an ONNX model", "a file that is not an ONNX model"),
        ("answerer.onnx", random_answerer(RANDOM, answers=9), "logits [?, 10] float32", "logits [?, 9]"),
        ("answerer.onnx", random_answerer(RANDOM, dimension=9), "question [?, ?, 12]", "question [?, ?, 9]"),
        ("answerer.onnx", random_answerer(RANDOM, features=9), "features [?, 16] float32", "features [?, 9]"),
    ],
)
def test_graphs_of_another_model_or_none(
    root: Path, name: str, data: bytes, expected: str, found: str
) -> None:
    put(root, name, data)
    text = refusal(root)
    assert text.startswith(f"{root / name}: expected ")
    assert expected in text.split(", found ")[0]
    assert found in text.split(", found ")[1]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("schema", 3, "expected schema 1 or 2, found schema 3. It was written by a newer AskSight: upgrade this one."),
        ("schema", "1", "expected a int as schema, found a str"),
        ("schema", True, "expected a int as schema, found a bool"),
        ("schema", ..., "found nothing: the key is missing"),
        ("name", ..., "as name, found nothing: the key is missing"),
        ("name", "a\nb", 'expected a line of text as name, found "a\\nb"'),
        ("image", [1], "expected a dict as image, found a list"),
        ("image/width", 31, "expected the inputs image [?, 32, 31, 3]"),
        ("image/width", 0, "expected at least 1 as image.width, found 0"),
        ("image/dtype", "float64", "expected uint8 or float32 as image.dtype, found 'float64'"),
        ("features", [9], "expected the outputs features [?, 9]"),
        ("features", [4, 4], "expected [F] or [h, w, C], each at least 1 as features, found [4, 4]"),
        ("question/dimension", 9, "expected the inputs question [?, ?, 9] float32"),
        ("question/words", 17, "expected the shape [17, 12], found [16, 12]"),
        ("question/lower", 1, "expected a bool as question.lower, found a int"),
        ("question/unknown_rows", 17, "expected unknown_rows within the words, found 17 for 16"),
        ("answers/count", 11, "expected the outputs logits [?, 11] float32"),
        ("answers/unanswerable", "dunno", "expected 'dunno' in it"),
        ("preprocessing/resize", "squeeze", "expected stretch or crop or pad as preprocessing.resize, found 'squeeze'"),
        ("preprocessing/mean", [1, 2, 3], "as preprocessing.mean, found a step that this version does not know"),
        ("calibration/temperature", -1, "expected a number over 0 as calibration.temperature, found -1"),
        ("calibration/temperature", None, "as calibration.temperature, found a null"),
        ("calibration/answered_threshold", 2.5, "expected a number of 0 to 1 as calibration.answered_threshold"),
        ("files/encoder.onnx", ..., "as files.encoder.onnx, found nothing: the key is missing"),
        ("files/words.txt/sha256", ..., "as files.words.txt.sha256, found nothing"),
    ],
)  # fmt: skip
def test_a_manifest_that_says_something_else(root: Path, place: str, value: Any, message: str) -> None:
    edit(root, set_at(place, value))
    assert message in refusal(root)


@pytest.mark.parametrize(
    "text",
    ["", "{", "nonsense", "[]", "null", '{"schema": NaN}', "[" * 100_000, "\ufeff{}", '{"schema": 1e999}'],
)
def test_a_manifest_that_is_none(root: Path, text: str) -> None:
    (root / "bundle.json").write_text(text)
    assert str(root / "bundle.json") in refusal(root)


def test_a_manifest_that_is_not_text(root: Path) -> None:
    (root / "bundle.json").write_bytes(b"\xff\xfe{}")
    assert "expected UTF-8 text" in refusal(root)
    with (root / "bundle.json").open("wb") as file:
        file.truncate(1 << 30)
    assert "expected at most 16777216 bytes" in refusal(root)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    "schema", "name", "architecture", "image", "image/height", "image/dtype", "preprocessing", "features",
    "preprocessing/resize", "question", "question/words", "question/unknown_rows", "answers", "answers/count",
    "answers/unanswerable", "calibration", "calibration/temperature", "training", "files", "files/words.txt",
    "files/words.txt/bytes", "files/words.txt/sha256", "files/more",
]  # fmt: skip


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_anywhere_is_read_or_refused(root: Path, place: str, value: Any) -> None:
    whole = (root / "bundle.json").read_text()
    edit(root, set_at(place, value))
    try:
        load_bundle(root)
    except BundleError:
        pass
    finally:
        (root / "bundle.json").write_text(whole)


@given(st.sampled_from(FILES), st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_with_a_hash_that_fits_is_read_or_refused(root: Path, name: str, data: st.DataObject) -> None:
    saved = {one: (root / one).read_bytes() for one in (name, "bundle.json")}
    damaged = bytearray(saved[name])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, min(len(damaged), 300) - 1))] = data.draw(st.integers(0, 255))
    put(root, name, bytes(damaged))
    try:
        load_bundle(root)
    except BundleError as error:
        assert name in str(error)  # noqa: PT017 - both outcomes are right
    finally:
        for one, whole in saved.items():
            (root / one).write_bytes(whole)
