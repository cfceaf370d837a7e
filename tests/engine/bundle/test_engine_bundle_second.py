"""Schema 2: what is written comes back, wrong fields are refused in one line, and schema 1 means what it did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import write_random_bundle
from damaged_bundles import edit, refusal, set_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pieces_bundles import (
    ABOUT,
    CUT,
    MADE_BY,
    PIECES,
    SHORTEST,
    UNCALIBRATED,
    write_joint_bundle,
    write_spelled_bundle,
)

from asksight.engine import BundleError, Calibration, load_bundle
from asksight.engine.bundle import NO_CARD, Source, Spelling
from asksight.engine.bundle.about import CALIBRATED, NOTHING_KNOWN, about
from asksight.engine.bundle.about import UNCALIBRATED as NOT_MEASURED

SPELLED, JOINT = write_spelled_bundle, write_joint_bundle


@pytest.fixture
def spelled(tmp_path: Path) -> Path:
    return write_spelled_bundle(tmp_path / "spelled").path


@pytest.fixture
def joint(tmp_path: Path) -> Path:
    return write_joint_bundle(tmp_path / "joint").path


def test_a_bundle_that_spells_comes_back_as_it_was_written(spelled: Path) -> None:
    bundle = load_bundle(spelled)
    assert (bundle.pieces, bundle.spelling) == (CUT, Spelling(beams=4, pieces=6, stop=3))
    assert (bundle.answers, bundle.unanswerable, bundle.unknown_rows) == ((), "unanswerable", 0)
    assert (bundle.feature_shape, bundle.words) == ((16, 5), PIECES)
    assert bundle.calibration == UNCALIBRATED
    assert (bundle.source, bundle.card) == (MADE_BY, ABOUT)
    assert not (spelled / "answers.txt").exists()
    assert json.loads((spelled / "bundle.json").read_text())["schema"] == 2


def test_a_joint_bundle_comes_back_as_it_was_written(joint: Path) -> None:
    bundle = load_bundle(joint)
    assert bundle.preprocessing == SHORTEST
    assert bundle.takes_grid
    assert bundle.calibration == Calibration(scores="sigmoid")
    assert (bundle.source, bundle.card) == (None, NO_CARD)


def test_what_schema_1_can_say_is_written_as_schema_1(tmp_path: Path) -> None:
    root = write_random_bundle(tmp_path / "plain").path
    assert json.loads((root / "bundle.json").read_text())["schema"] == 1


def test_keys_of_schema_2_are_nobodys_in_schema_1(tmp_path: Path) -> None:
    root = write_random_bundle(tmp_path / "plain").path
    for place, value in (
        ("source", 7),
        ("card", "x"),
        ("calibration/calibrated", False),
        ("answers/form", 1),
    ):
        edit(root, set_at(place, value))
    bundle = load_bundle(root)
    assert (bundle.source, bundle.card, bundle.calibration) == (None, NO_CARD, Calibration())


def test_only_what_is_known_of_a_source_is_needed(joint: Path) -> None:
    edit(joint, set_at("source", {"repository": "a/b", "sha256": "ABC"}))
    edit(joint, set_at("card", {"not_for": "driving"}))
    bundle = load_bundle(joint)
    assert bundle.source == Source(repository="a/b", sha256="abc")
    assert bundle.card.not_for == ("driving",)
    assert about(bundle) == (CALIBRATED, NOTHING_KNOWN, "It was published as a/b.", "It is not for driving.")


def test_what_a_person_should_know_is_a_sentence_each(spelled: Path) -> None:
    assert about(load_bundle(spelled)) == (
        NOT_MEASURED,
        NOTHING_KNOWN,
        "It was published as somebody/small-vqa, revision 1f2e3d, under the licence Apache-2.0.",
        "Its makers state VQA accuracy in percent: 71.3 (VQA v2, test-dev).",
        "It was trained on VQA v2, COCO photos.",
        "Known figures: 71.3 % on VQA v2.",
        "It is not for reading medicine labels.",
    )


@pytest.mark.parametrize(
    ("write", "place", "value", "message"),
    [
        (SPELLED, "schema", 1, "expected [F] or [h, w, C], each at least 1 as features, found [16, 5]"),
        (SPELLED, "features", [4, 4, 4, 4], "expected [F] or [n, C] or [h, w, C], each at least 1 as features"),
        (SPELLED, "features", [16, 6], "expected the outputs features [?, 16, 6] float32"),
        (SPELLED, "question/tokenizer", "bpe", "expected spacy or wordpiece as question.tokenizer, found 'bpe'"),
        (SPELLED, "question/tokenizer", ..., "expected only tokenizer, words, dimension, lower, max_tokens, unknown_r"),
        (SPELLED, "question/unknown_rows", 1, "as question.unknown_rows, found a key that this version does not know"),
        (SPELLED, "question/first", ..., "expected a int as question.first, found nothing: the key is missing"),
        (SPELLED, "question/first", -1, "expected at least 0 as question.first, found -1"),
        (SPELLED, "question/last", 30, "expected one of the rows 0 to 29 as question.last, found 30"),
        (SPELLED, "question/unknown", 1.5, "expected a int as question.unknown, found a float"),
        (SPELLED, "question/strip", None, "expected a str as question.strip, found a null"),
        (SPELLED, "question/max_tokens", 2, "expected at least 3 as question.max_tokens, found 2"),
        (SPELLED, "answers/form", "sung", "expected listed or spelled as answers.form, found 'sung'"),
        (SPELLED, "answers/form", ..., "as answers.beams, found a key that this version does not know"),
        (SPELLED, "answers/count", 3, "as answers.count, found a key that this version does not know"),
        (SPELLED, "answers/beams", 0, "expected at least 1 as answers.beams, found 0"),
        (SPELLED, "answers/beams", 5, "expected the outputs tokens [?, 5, 6] int32 and log_probabilities [?, 5, 6]"),
        (SPELLED, "answers/pieces", "6", "expected a int as answers.pieces, found a str"),
        (SPELLED, "answers/stop", 30, "expected one of the rows 0 to 29 as answers.stop, found 30"),
        (SPELLED, "answers/unanswerable", "a\nb", "expected a line of text as answers.unanswerable"),
        (SPELLED, "calibration/scores", "softmax", "expected sequence as calibration.scores, found 'softmax'"),
        (SPELLED, "calibration/scores", ..., "expected a str as calibration.scores, found nothing"),
        (SPELLED, "calibration/calibrated", 0, "expected a bool as calibration.calibrated, found a int"),
        (SPELLED, "calibration/temprature", 1, "as calibration.temprature, found a key that this version does not"),
        (SPELLED, "preprocessing/shortest", 24, "as preprocessing.shortest, found a step that this version does not"),
        (SPELLED, "preprocessing/shrink_first", "no", "expected a bool as preprocessing.shrink_first, found a str"),
        (SPELLED, "source/repository", ..., "expected a str as source.repository, found nothing"),
        (SPELLED, "source/figure/value", "71", "expected a int as source.figure.value, found a str"),
        (SPELLED, "card/not_for", 7, "expected a line of text, or a list of them as card.not_for, found 7"),
        (SPELLED, "card/figures", ["a", ""], "expected a line of text, or a list of them as card.figures"),
        (JOINT, "calibration/scores", "sequence", "expected softmax or sigmoid as calibration.scores, found"),
        (JOINT, "preprocessing/longest", 23, "expected at least `shortest` (24) as preprocessing.longest, found 23"),
        (JOINT, "preprocessing/multiple", 0, "expected at least 1 as preprocessing.multiple, found 0"),
        (JOINT, "preprocessing/shortest", ..., "expected a int as preprocessing.shortest, found nothing"),
        (JOINT, "preprocessing/resize", "pad", "as preprocessing.shortest, found a step that this version does not"),
        (JOINT, "preprocessing/longest", 48, "a multiple of 8 from 48 on, for resize 'shortest', as image.height"),
        (JOINT, "preprocessing/multiple", 7, "a multiple of 7 from 35 on, for resize 'shortest', as image.height"),
    ],
)  # fmt: skip
def test_a_manifest_that_says_something_else(
    tmp_path: Path, write: Callable[[Path], Any], place: str, value: Any, message: str
) -> None:
    root = write(tmp_path / "bundle").path
    edit(root, set_at(place, value))
    assert message in refusal(root)


def test_an_encoder_without_a_grid_shows_no_photos_of_their_own_shape(tmp_path: Path, spelled: Path) -> None:
    changed = {**SHORTEST, "shortest": 24, "longest": 32}
    with pytest.raises(
        BundleError, match=r"encoder\.onnx: expected the inputs image .* and grid \[\?, 2\] int32"
    ):
        write_spelled_bundle(tmp_path / "other", preprocessing=changed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers": ("yes",)}, "either listed or spelled: give `answers` or `spelling`"),
        ({"spelling": None}, "either listed or spelled"),
        ({"words": ("a\x07b", *PIECES[1:])}, r"words\.txt: expected plain text, found a control character"),
        ({"calibration": Calibration()}, "expected sequence as calibration.scores"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        write_spelled_bundle(tmp_path / "other", **changes)
    assert not (tmp_path / "other").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    "features", "question/tokenizer", "question/first", "question/strip", "question/new", "answers/form",
    "answers/stop", "answers/beams", "answers/unanswerable", "calibration/scores", "calibration/calibrated",
    "preprocessing/shortest", "preprocessing/multiple", "preprocessing/shrink_first", "preprocessing/resize",
    "source", "source/figure", "source/figure/value", "source/licence", "card", "card/trained_on",
]  # fmt: skip


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_anywhere_is_read_or_refused(spelled: Path, place: str, value: Any) -> None:
    whole = (spelled / "bundle.json").read_text()
    edit(spelled, set_at(place, value))
    try:
        about(load_bundle(spelled))
    except BundleError:
        pass
    finally:
        (spelled / "bundle.json").write_text(whole)
