"""Samples: what a bundle keeps to compare engines by, written, read back, and refused where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle

from asksight.engine import BundleError, load_bundle
from asksight.engine.bundle.files import record_file
from asksight.engine.bundle.keep_samples import keep_samples
from asksight.engine.bundle.manifest import FileRecord, file_names
from asksight.engine.bundle.samples import Samples, dump_samples, kept_samples, made_up_samples, misfit


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    return made_up_samples(write_random_bundle(tmp_path / "made", max_tokens=6), photos=3, questions=7)


def test_made_up_samples_fit_their_bundle_and_are_the_same_each_time(tmp_path: Path) -> None:
    bundle = write_random_bundle(tmp_path / "bundle")
    first, second = made_up_samples(bundle), made_up_samples(bundle)
    assert misfit(first, bundle) is None
    assert np.array_equal(first.photos, second.photos)
    assert np.array_equal(first.rows, second.rows)
    assert len(first.lengths) >= 500


def test_a_batch_is_padded_to_its_own_longest_question_with_zeros(tmp_path: Path, samples: Samples) -> None:
    bundle = load_bundle(tmp_path / "made")
    rows = np.array([[1, 2, -1, -1], [3, -1, -1, -1], [0, 1, 2, 3]], np.int32)
    short = replace(samples, rows=rows, lengths=np.array([2, 1, 4], np.int32))
    first, second = short.question_batches(bundle, 2)
    assert first["question"].shape == (2, 2, bundle.vectors.shape[1])
    assert not first["question"][1, 1].any()
    assert np.array_equal(first["question"][0, 1], bundle.vectors[2].astype(np.float32))
    assert second["question"].shape[1] == 4
    assert second["lengths"].tolist() == [4]


def test_questions_go_round_the_photos(samples: Samples) -> None:
    assert samples.photo_of(2, 4).tolist() == [2, 0, 1, 2]


def test_a_bundle_without_samples_has_none(tmp_path: Path) -> None:
    assert kept_samples(write_random_bundle(tmp_path / "bundle")) is None


def test_kept_samples_come_back_as_they_were(tmp_path: Path, samples: Samples) -> None:
    bundle = load_bundle(tmp_path / "made")
    (bundle.path / "samples.npz").write_bytes(dump_samples(samples))
    listed = replace(bundle, files={**bundle.files, "samples.npz": record_file(bundle.path / "samples.npz")})
    kept = kept_samples(listed)
    assert kept is not None
    assert np.array_equal(kept.photos, samples.photos)
    assert np.array_equal(kept.rows, samples.rows)
    assert kept.source == samples.source


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"photos": np.zeros((2, 8, 8, 3), np.uint8)}, "photos uint8 (2, 8, 8, 3)"),
        ({"lengths": np.array([0] * 7, np.int32)}, "lengths of 0"),
        ({"lengths": np.array([7] * 7, np.int32)}, "to 7"),
        ({"lengths": np.array([1], np.int32)}, "7 questions and 1 lengths"),
        ({"rows": np.full((7, 6), 99, np.int32)}, "rows of 99"),
        ({"rows": np.full((7, 6), 1.0)}, "rows float64"),
    ],
)
def test_samples_of_another_model_are_refused(
    tmp_path: Path, samples: Samples, change: dict[str, Any], said: str
) -> None:
    bundle = load_bundle(tmp_path / "made")
    (bundle.path / "samples.npz").write_bytes(dump_samples(replace(samples, **change)))
    listed = replace(bundle, files={**bundle.files, "samples.npz": FileRecord(bytes=0, sha256="")})
    with pytest.raises(BundleError, match=r"samples\.npz: expected samples for this bundle") as refusal:
        kept_samples(listed)
    assert said in str(refusal.value)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, samples: Samples) -> None:
    bundle = load_bundle(tmp_path / "made")
    (bundle.path / "samples.npz").write_bytes(b"not a zip")
    listed = replace(bundle, files={**bundle.files, "samples.npz": FileRecord(bytes=9, sha256="")})
    with pytest.raises(BundleError, match="expected sample photos and questions"):
        kept_samples(listed)


def test_samples_are_put_into_a_bundle_that_is_there_and_replace_older_ones(
    tmp_path: Path, samples: Samples
) -> None:
    bundle = load_bundle(tmp_path / "made")
    other = replace(samples, source="others")
    for put in (other, samples):
        bundle = keep_samples(bundle, put)
        kept = kept_samples(bundle)
        assert kept is not None
        assert kept.source == put.source
        assert np.array_equal(kept.rows, put.rows)
        assert np.array_equal(kept.photos, put.photos)
    assert load_bundle(bundle.path).files.keys() == {*file_names(spelled=False), "samples.npz"}
    assert not list(bundle.path.glob(".samples-*"))


def test_samples_that_do_not_fit_and_bundles_that_cannot_be_written_are_refused(
    tmp_path: Path, samples: Samples
) -> None:
    bundle = load_bundle(tmp_path / "made")
    with pytest.raises(BundleError, match=r"These samples do not fit .*rows of 99"):
        keep_samples(bundle, replace(samples, rows=np.full((7, 6), 99, np.int32)))
    (bundle.path / "samples.npz").mkdir()
    with pytest.raises(BundleError, match="cannot be written"):
        keep_samples(bundle, samples)
    assert kept_samples(load_bundle(bundle.path)) is None
