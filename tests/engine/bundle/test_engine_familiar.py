"""What a bundle says that it knows: written, read, told of, and refused where it does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import FEATURES, write_random_bundle

from asksight.engine import Bundle, BundleError, load_bundle
from asksight.engine.bundle.about import NOTHING_KNOWN, about
from asksight.engine.bundle.familiar import Unfamiliar, dump_familiarity, familiarity_of
from asksight.engine.bundle.known_photos import KnownPhotos, channel_scale, fit_photos, pooled
from asksight.engine.bundle.manifest import FAMILIAR, Familiar
from asksight.engine.bundle.rewrite import keep_familiar

COUNTS = {"what": 60, "colour": 30, "red": 5}
TOLD = Familiar(questions=100, words=3, question_threshold=0.25, photos=50, photo_threshold=6.0)


def known_photos(channels: int = FEATURES) -> KnownPhotos:
    known = np.random.default_rng(0).normal(size=(50, channels)).astype(np.float32)
    scale = channel_scale(known)
    return fit_photos(pooled(known, scale), scale)


def kept(path: Path, told: Familiar = TOLD, arrays: bytes | None = None) -> Bundle:
    written = dump_familiarity(COUNTS, known_photos()) if arrays is None else arrays
    return keep_familiar(write_random_bundle(path), told, written, {"lost": 0.01})


def test_it_is_kept_and_judges(tmp_path: Path) -> None:
    bundle = kept(tmp_path / "bundle")
    assert bundle.familiar == TOLD
    assert bundle.training["familiar"] == {"lost": 0.01}
    assert json.loads((bundle.path / "bundle.json").read_text())["schema"] == 2
    assert FAMILIAR in bundle.files
    familiarity = familiarity_of(load_bundle(bundle.path))
    assert familiarity is not None
    assert familiarity.far(np.zeros((1, FEATURES), np.float32)).tolist() == [False]
    assert familiarity.far(np.full((2, FEATURES), 1e6, np.float32)).tolist() == [True, True]
    asked = ["What colour?", "What dog?", "What colour?", "dog"]
    assert familiarity.unfamiliar(asked, [False, False, True, True]) == [
        (),
        (Unfamiliar.QUESTION,),
        (Unfamiliar.PHOTO,),
        (Unfamiliar.PHOTO, Unfamiliar.QUESTION),
    ]


def test_photos_may_be_left_out(tmp_path: Path) -> None:
    words_only = Familiar(questions=100, words=3, question_threshold=0.25)
    bundle = kept(tmp_path / "bundle", words_only, dump_familiarity(COUNTS, None))
    familiarity = familiarity_of(bundle)
    assert familiarity is not None
    assert familiarity.far(np.full((1, FEATURES), 1e6, np.float32)).tolist() == [False]
    assert "photos" not in about(bundle)[1]


@pytest.mark.parametrize(("smallest_side", "least_px"), [(128, 96), (50, 38), (1, 1)])
def test_a_photo_much_smaller_than_the_smallest_known_one_is_too_small(
    tmp_path: Path, smallest_side: int, least_px: int
) -> None:
    bundle = kept(tmp_path / "bundle", replace(TOLD, smallest_side=smallest_side))
    assert json.loads((bundle.path / "bundle.json").read_text())["familiar"]["smallest_side"] == smallest_side
    familiarity = familiarity_of(load_bundle(bundle.path))
    assert familiarity is not None
    assert [familiarity.too_small(px) for px in (least_px - 1, least_px)] == [True, False]


def test_a_bundle_that_does_not_say_how_small_takes_any(tmp_path: Path) -> None:
    bundle = kept(tmp_path / "bundle")
    assert "smallest_side" not in json.loads((bundle.path / "bundle.json").read_text())["familiar"]
    familiarity = familiarity_of(bundle)
    assert familiarity is not None
    assert not familiarity.too_small(1)


def test_it_is_told_in_a_sentence(tmp_path: Path) -> None:
    assert about(kept(tmp_path / "bundle"))[1] == (
        "It knows photos like 50 known ones and the 3 words of 100 questions; "
        "of what is unlike them it is never certain."
    )
    sized = replace(TOLD, smallest_side=50)
    assert about(kept(tmp_path / "sized", sized))[1].startswith(
        "It knows photos like 50 known ones, of 38 px or more, and the 3 words"
    )
    unlike = replace(sized, photos=0, photo_threshold=None)
    assert about(kept(tmp_path / "words", unlike))[1].startswith("It knows photos, of 38 px or more, and the")
    assert about(write_random_bundle(tmp_path / "silent"))[1] == NOTHING_KNOWN
    assert familiarity_of(load_bundle(tmp_path / "silent")) is None


@pytest.mark.parametrize(
    ("told", "arrays", "found"),
    [
        (TOLD, lambda: dump_familiarity({"what": 1}, known_photos()), "words"),
        (TOLD, lambda: dump_familiarity(COUNTS | {"red": 101}, known_photos()), "counts of 30 to 101"),
        (TOLD, lambda: dump_familiarity(COUNTS, known_photos(FEATURES + 1)), "scale"),
        (TOLD, lambda: dump_familiarity(COUNTS, None), "not finite float32"),
        (TOLD, lambda: b"no archive", "familiar.npz"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, told: Familiar, arrays: Callable[[], bytes], found: str
) -> None:
    with pytest.raises(BundleError, match=found):
        kept(tmp_path / "bundle", told, arrays())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"question": {"threshold": 2, "questions": 1, "words": 1}}, "0 to 1"),
        ({"question": {"threshold": 0, "questions": 0, "words": 1}}, "at least 1"),
        ({"question": {"threshold": 0, "questions": 1, "words": 1}, "sound": {}}, "only question, photo"),
        ({}, "familiar.question"),
        ({"question": {"threshold": 0, "questions": 1, "words": 1}, "smallest_side": 0}, "at least 1"),
        ({"question": {"threshold": 0, "questions": 1, "words": 1}, "smallest_side": 64.0}, "a int"),
    ],
)
def test_what_bundle_json_says_is_checked(tmp_path: Path, change: dict[str, Any], found: str) -> None:
    path = kept(tmp_path / "bundle").path / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"familiar": change}))
    with pytest.raises(BundleError, match=found):
        load_bundle(path.parent)


def test_a_bundle_that_lacks_the_file_is_refused(tmp_path: Path) -> None:
    path = kept(tmp_path / "bundle").path / "bundle.json"
    tree = json.loads(path.read_text())
    del tree["files"][FAMILIAR]
    path.write_text(json.dumps(tree))
    with pytest.raises(BundleError, match="familiar"):
        load_bundle(path.parent)
